// {"family":"PlainAttention","way":"tile","tile":{"invocations":64,"parts":1,"queries":2,"keys":32}}
@group(0) @binding(0) var<uniform> p: array<vec4u, 4>;
@group(0) @binding(1) var<storage, read_write> x0: array<f32>;
@group(0) @binding(2) var<storage, read> x1: array<f32>;
@group(0) @binding(3) var<storage, read> x2: array<f32>;
@group(0) @binding(4) var<storage, read> x3: array<f32>;
var<workgroup> tile_k: array<vec4f, 32>;
var<workgroup> tile_v: array<vec4f, 32>;
var<private> nan_bits = 0x7fc00000u;
@compute @workgroup_size(64, 1, 1)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let w_0 = (wg.y * nwg.x + wg.x);
  if (w_0 >= p[0].x) { return; }
  let q_1 = w_0 / p[0].y;
  let i_2 = w_0 - q_1 * p[0].y;
  let n_3 = p[0].z;
  let n_4 = p[0].w;
  let n_5 = p[1].x;
  let n_6 = p[1].y;
  let n_7 = i_2 * 128u;
  let b_8 = p[1].z;
  let s_9 = p[1].w;
  let b_10 = p[2].x;
  let s_11 = p[2].y;
  let b_12 = p[2].z;
  let s_13 = p[2].w;
  let b_14 = p[3].x;
  let s_15 = p[3].y;
  let r_16 = n_7 + 0u + lid;
  let r_17 = n_7 + 64u + lid;
  let c_18 = bitcast<f32>(p[3].z);
  let a_19 = b_8 + min(r_16, n_3 - 1u) * s_9;
  var q_20 = array<vec4f, 1>();
  for (var i = 0u; i < 1u; i++) {
    let j_21 = (0u * 1u + i) * 4u;
    let x_22 = vec4f(select(0.0, x1[a_19 + min(j_21 + 0u, n_5 - 1u)], j_21 + 0u < n_5), select(0.0, x1[a_19 + min(j_21 + 1u, n_5 - 1u)], j_21 + 1u < n_5), select(0.0, x1[a_19 + min(j_21 + 2u, n_5 - 1u)], j_21 + 2u < n_5), select(0.0, x1[a_19 + min(j_21 + 3u, n_5 - 1u)], j_21 + 3u < n_5));
    q_20[i] = x_22 * c_18;
  }
  let q_23 = q_20[0];
  let a_24 = b_8 + min(r_17, n_3 - 1u) * s_9;
  var q_25 = array<vec4f, 1>();
  for (var i = 0u; i < 1u; i++) {
    let j_26 = (0u * 1u + i) * 4u;
    let x_27 = vec4f(select(0.0, x1[a_24 + min(j_26 + 0u, n_5 - 1u)], j_26 + 0u < n_5), select(0.0, x1[a_24 + min(j_26 + 1u, n_5 - 1u)], j_26 + 1u < n_5), select(0.0, x1[a_24 + min(j_26 + 2u, n_5 - 1u)], j_26 + 2u < n_5), select(0.0, x1[a_24 + min(j_26 + 3u, n_5 - 1u)], j_26 + 3u < n_5));
    q_25[i] = x_27 * c_18;
  }
  let q_28 = q_25[0];
  var o_29 = vec4f();
  var o_30 = vec4f();
  var m_31 = -0x1.fffffep+127f;
  var m_32 = -0x1.fffffep+127f;
  var l_33 = 0.0;
  var l_34 = 0.0;
  for (var start = 0u; start < n_4; start += 32u) {
    let n_35 = min(32u, n_4 - start);
    for (var i = lid; i < n_35 * 1u; i += 64u) {
      let j_36 = i / 1u;
      let a_37 = b_10 + (start + j_36) * s_11;
      let j_38 = (i - j_36 * 1u) * 4u;
      let x_39 = vec4f(select(0.0, x2[a_37 + min(j_38 + 0u, n_5 - 1u)], j_38 + 0u < n_5), select(0.0, x2[a_37 + min(j_38 + 1u, n_5 - 1u)], j_38 + 1u < n_5), select(0.0, x2[a_37 + min(j_38 + 2u, n_5 - 1u)], j_38 + 2u < n_5), select(0.0, x2[a_37 + min(j_38 + 3u, n_5 - 1u)], j_38 + 3u < n_5));
      tile_k[i] = x_39;
    }
    for (var i = lid; i < n_35 * 1u; i += 64u) {
      let j_40 = i / 1u;
      let a_41 = b_12 + (start + j_40) * s_13;
      let j_42 = (i - j_40 * 1u) * 4u;
      let x_43 = vec4f(select(0.0, x3[a_41 + min(j_42 + 0u, n_6 - 1u)], j_42 + 0u < n_6), select(0.0, x3[a_41 + min(j_42 + 1u, n_6 - 1u)], j_42 + 1u < n_6), select(0.0, x3[a_41 + min(j_42 + 2u, n_6 - 1u)], j_42 + 2u < n_6), select(0.0, x3[a_41 + min(j_42 + 3u, n_6 - 1u)], j_42 + 3u < n_6));
      tile_v[i] = x_43;
    }
    workgroupBarrier();
    for (var j = 0u; j < n_35; j++) {
      let a_44 = (j * 1u + 0u) * 1u;
      let p_45 = dot(q_23, tile_k[j * 1u + 0u]);
      if (p_45 > m_31) {
        let f_46 = exp(m_31 - p_45);
        m_31 = p_45;
        l_33 *= f_46;
        o_29 *= f_46;
      }
      let e_47 = exp(p_45 - m_31);
      l_33 += e_47;
      let p_48 = dot(q_28, tile_k[j * 1u + 0u]);
      if (p_48 > m_32) {
        let f_49 = exp(m_32 - p_48);
        m_32 = p_48;
        l_34 *= f_49;
        o_30 *= f_49;
      }
      let e_50 = exp(p_48 - m_32);
      l_34 += e_50;
      let x_51 = tile_v[a_44 + 0u];
      o_29 = fma(vec4f(e_47), x_51, o_29); o_30 = fma(vec4f(e_50), x_51, o_30);
    }
    workgroupBarrier();
  }
  if (r_16 < n_3) {
    let a_52 = b_14 + r_16 * s_15;
    let e_53 = select(1.0 / l_33, bitcast<f32>(nan_bits), l_33 == 0.0);
    var found = array<vec4f, 1>(o_29);
    for (var c = 0u; c < 4u; c++) {
      let j_54 = 0u * 4u + c;
      if (j_54 < n_6) {
        x0[a_52 + j_54] = found[c >> 2u][c & 3u] * e_53;
      }
    }
  }
  if (r_17 < n_3) {
    let a_55 = b_14 + r_17 * s_15;
    let e_56 = select(1.0 / l_34, bitcast<f32>(nan_bits), l_34 == 0.0);
    var found = array<vec4f, 1>(o_30);
    for (var c = 0u; c < 4u; c++) {
      let j_57 = 0u * 4u + c;
      if (j_57 < n_6) {
        x0[a_55 + j_57] = found[c >> 2u][c & 3u] * e_56;
      }
    }
  }
}

