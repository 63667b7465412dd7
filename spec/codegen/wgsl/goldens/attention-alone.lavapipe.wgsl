// {"family":"PlainAttention","way":"alone","tile":{"lanes":8,"queries":1,"keys":1}}
enable subgroups;
@group(0) @binding(0) var<uniform> p: array<vec4u, 4>;
@group(0) @binding(1) var<storage, read_write> x0: array<f32>;
@group(0) @binding(2) var<storage, read> x1: array<f32>;
@group(0) @binding(3) var<storage, read> x2: array<f32>;
@group(0) @binding(4) var<storage, read> x3: array<f32>;
var<private> nan_bits = 0x7fc00000u;
@compute @workgroup_size(8, 1, 1)
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
  var asked: array<f32, 4>;
  for (var i = 0u; i < 1u; i++) {
    let r_17 = min(n_7 + i * 8u + lid, n_3 - 1u);
    let a_18 = b_8 + r_17 * s_9;
    for (var c = 0u; c < 4u; c++) {
      asked[i * 4u + c] = x1[a_18 + c] * c_16;
    }
  }
  let q_19 = asked[0];
  let q_20 = asked[1];
  let q_21 = asked[2];
  let q_22 = asked[3];
  var o_23 = 0.0;
  var o_24 = 0.0;
  var o_25 = 0.0;
  var o_26 = 0.0;
  var m_27 = -0x1.fffffep+127f;
  var l_28 = 0.0;
  let r_29 = min(n_7 + 0u * 8u + lid, n_3 - 1u);
  for (var j = 0u; j < n_4; j += 1u) {
    var p_30 = 0.0;
    let a_31 = b_10 + j * s_11;
    let x_32 = x2[a_31 + 0u + lane];
    let x_33 = subgroupBroadcast(x_32, 0u);
    p_30 = fma(q_19, x_33, p_30);
    let x_34 = subgroupBroadcast(x_32, 1u);
    p_30 = fma(q_20, x_34, p_30);
    let x_35 = subgroupBroadcast(x_32, 2u);
    p_30 = fma(q_21, x_35, p_30);
    let x_36 = subgroupBroadcast(x_32, 3u);
    p_30 = fma(q_22, x_36, p_30);
    let m_37 = max(m_27, p_30);
    let f_38 = exp(m_27 - m_37);
    m_27 = m_37;
    let e_39 = exp(p_30 - m_37);
    l_28 = l_28 * f_38 + e_39;
    o_23 *= f_38; o_24 *= f_38; o_25 *= f_38; o_26 *= f_38;
    let a_40 = b_12 + j * s_13;
    let x_41 = x3[a_40 + 0u + lane];
    let x_42 = subgroupBroadcast(x_41, 0u);
    o_23 = fma(e_39, x_42, o_23);
    let x_43 = subgroupBroadcast(x_41, 1u);
    o_24 = fma(e_39, x_43, o_24);
    let x_44 = subgroupBroadcast(x_41, 2u);
    o_25 = fma(e_39, x_44, o_25);
    let x_45 = subgroupBroadcast(x_41, 3u);
    o_26 = fma(e_39, x_45, o_26);
  }
  var found = array<f32, 4>(o_23, o_24, o_25, o_26);
  var shares = array<f32, 1>(select(1.0 / l_28, bitcast<f32>(nan_bits), l_28 == 0.0));
  for (var i = 0u; i < 1u; i++) {
    let r_46 = n_7 + i * 8u + lid;
    if (r_46 < n_3) {
      let a_47 = b_14 + r_46 * s_15;
      for (var c = 0u; c < 4u; c++) {
        x0[a_47 + c] = found[i * 4u + c] * shares[i];
      }
    }
  }
}

