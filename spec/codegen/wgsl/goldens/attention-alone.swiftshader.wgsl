// {"family":"PlainAttention","way":"alone","tile":{"lanes":4,"queries":2,"keys":1}}
enable subgroups;
@group(0) @binding(0) var<uniform> p: array<vec4u, 4>;
@group(0) @binding(1) var<storage, read_write> x0: array<f32>;
@group(0) @binding(2) var<storage, read> x1: array<f32>;
@group(0) @binding(3) var<storage, read> x2: array<f32>;
@group(0) @binding(4) var<storage, read> x3: array<f32>;
var<private> nan_bits = 0x7fc00000u;
@compute @workgroup_size(4, 1, 1)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32, @builtin(subgroup_invocation_id) lane: u32) {
  let w_0 = (wg.y * nwg.x + wg.x);
  if (w_0 >= p[0].x) { return; }
  let q_1 = w_0 / p[0].y;
  let i_2 = w_0 - q_1 * p[0].y;
  let n_3 = p[0].z;
  let n_4 = p[0].w;
  let n_5 = p[1].x;
  let n_6 = p[1].y;
  let n_7 = i_2 * 8u;
  let b_8 = p[1].z;
  let s_9 = p[1].w;
  let b_10 = p[2].x;
  let s_11 = p[2].y;
  let b_12 = p[2].z;
  let s_13 = p[2].w;
  let b_14 = p[3].x;
  let s_15 = p[3].y;
  let c_16 = bitcast<f32>(p[3].z);
  var asked: array<f32, 8>;
  for (var i = 0u; i < 2u; i++) {
    let r_17 = min(n_7 + i * 4u + lid, n_3 - 1u);
    let a_18 = b_8 + r_17 * s_9;
    for (var c = 0u; c < 4u; c++) {
      asked[i * 4u + c] = x1[a_18 + c] * c_16;
    }
  }
  let q_19 = asked[0];
  let q_20 = asked[1];
  let q_21 = asked[2];
  let q_22 = asked[3];
  let q_23 = asked[4];
  let q_24 = asked[5];
  let q_25 = asked[6];
  let q_26 = asked[7];
  var o_27 = 0.0;
  var o_28 = 0.0;
  var o_29 = 0.0;
  var o_30 = 0.0;
  var o_31 = 0.0;
  var o_32 = 0.0;
  var o_33 = 0.0;
  var o_34 = 0.0;
  var m_35 = -0x1.fffffep+127f;
  var m_36 = -0x1.fffffep+127f;
  var l_37 = 0.0;
  var l_38 = 0.0;
  let r_39 = min(n_7 + 0u * 4u + lid, n_3 - 1u);
  let r_40 = min(n_7 + 1u * 4u + lid, n_3 - 1u);
  for (var j = 0u; j < n_4; j += 1u) {
    var p_41 = 0.0;
    var p_42 = 0.0;
    let a_43 = b_10 + j * s_11;
    let x_44 = x2[a_43 + 0u + lane];
    let x_45 = subgroupBroadcast(x_44, 0u);
    p_41 = fma(q_19, x_45, p_41); p_42 = fma(q_23, x_45, p_42);
    let x_46 = subgroupBroadcast(x_44, 1u);
    p_41 = fma(q_20, x_46, p_41); p_42 = fma(q_24, x_46, p_42);
    let x_47 = subgroupBroadcast(x_44, 2u);
    p_41 = fma(q_21, x_47, p_41); p_42 = fma(q_25, x_47, p_42);
    let x_48 = subgroupBroadcast(x_44, 3u);
    p_41 = fma(q_22, x_48, p_41); p_42 = fma(q_26, x_48, p_42);
    let m_49 = max(m_35, p_41);
    let f_50 = exp(m_35 - m_49);
    m_35 = m_49;
    let e_51 = exp(p_41 - m_49);
    l_37 = l_37 * f_50 + e_51;
    o_27 *= f_50; o_28 *= f_50; o_29 *= f_50; o_30 *= f_50;
    let m_52 = max(m_36, p_42);
    let f_53 = exp(m_36 - m_52);
    m_36 = m_52;
    let e_54 = exp(p_42 - m_52);
    l_38 = l_38 * f_53 + e_54;
    o_31 *= f_53; o_32 *= f_53; o_33 *= f_53; o_34 *= f_53;
    let a_55 = b_12 + j * s_13;
    let x_56 = x3[a_55 + 0u + lane];
    let x_57 = subgroupBroadcast(x_56, 0u);
    o_27 = fma(e_51, x_57, o_27); o_31 = fma(e_54, x_57, o_31);
    let x_58 = subgroupBroadcast(x_56, 1u);
    o_28 = fma(e_51, x_58, o_28); o_32 = fma(e_54, x_58, o_32);
    let x_59 = subgroupBroadcast(x_56, 2u);
    o_29 = fma(e_51, x_59, o_29); o_33 = fma(e_54, x_59, o_33);
    let x_60 = subgroupBroadcast(x_56, 3u);
    o_30 = fma(e_51, x_60, o_30); o_34 = fma(e_54, x_60, o_34);
  }
  var found = array<f32, 8>(o_27, o_28, o_29, o_30, o_31, o_32, o_33, o_34);
  var shares = array<f32, 2>(select(1.0 / l_37, bitcast<f32>(nan_bits), l_37 == 0.0), select(1.0 / l_38, bitcast<f32>(nan_bits), l_38 == 0.0));
  for (var i = 0u; i < 2u; i++) {
    let r_61 = n_7 + i * 4u + lid;
    if (r_61 < n_3) {
      let a_62 = b_14 + r_61 * s_15;
      for (var c = 0u; c < 4u; c++) {
        x0[a_62 + c] = found[i * 4u + c] * shares[i];
      }
    }
  }
}

