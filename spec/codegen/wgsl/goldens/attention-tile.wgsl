// {"family":"PlainAttention","way":"tile","tile":{"invocations":64,"parts":1,"queries":1,"keys":32}}
@group(0) @binding(0) var<uniform> p: array<vec4u, 4>;
@group(0) @binding(1) var<storage, read_write> x0: array<f32>;
@group(0) @binding(2) var<storage, read> x1: array<vec4f>;
@group(0) @binding(3) var<storage, read> x2: array<vec4f>;
@group(0) @binding(4) var<storage, read> x3: array<vec4f>;
var<workgroup> tile: array<vec4f, 64>;
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
  let n_7 = i_2 * 64u;
  let b_8 = p[1].z;
  let s_9 = p[1].w;
  let b_10 = p[2].x;
  let s_11 = p[2].y;
  let b_12 = p[2].z;
  let s_13 = p[2].w;
  let b_14 = p[3].x;
  let s_15 = p[3].y;
  let r_16 = n_7 + 0u + lid;
  let c_17 = bitcast<f32>(p[3].z);
  let a_18 = b_8 + min(r_16, n_3 - 1u) * s_9;
  var q_19 = array<vec4f, 1>();
  for (var i = 0u; i < 1u; i++) {
    let j_20 = (0u * 1u + i) * 4u;
    let x_21 = x1[(a_18 + j_20) >> 2u];
    q_19[i] = x_21 * c_17;
  }
  let q_22 = q_19[0];
  var o_23 = vec4f();
  var m_24 = -0x1.fffffep+127f;
  var l_25 = 0.0;
  for (var start = 0u; start < n_4; start += 32u) {
    let n_26 = min(32u, n_4 - start);
    for (var i = lid; i < n_26 * 1u; i += 64u) {
      let j_27 = i / 1u;
      let a_28 = b_10 + (start + j_27) * s_11;
      let j_29 = (i - j_27 * 1u) * 4u;
      let x_30 = x2[(a_28 + j_29) >> 2u];
      tile[i] = x_30;
    }
    for (var i = lid; i < n_26 * 1u; i += 64u) {
      let j_31 = i / 1u;
      let a_32 = b_12 + (start + j_31) * s_13;
      let j_33 = (i - j_31 * 1u) * 4u;
      let x_34 = x3[(a_32 + j_33) >> 2u];
      tile[32u + i] = x_34;
    }
    workgroupBarrier();
    for (var j = 0u; j < n_26; j++) {
      let a_35 = 32u + (j * 1u + 0u) * 1u;
      let p_36 = dot(q_22, tile[j * 1u + 0u]);
      if (p_36 > m_24) {
        let f_37 = exp(m_24 - p_36);
        m_24 = p_36;
        l_25 *= f_37;
        o_23 *= f_37;
      }
      let e_38 = exp(p_36 - m_24);
      l_25 += e_38;
      let x_39 = tile[a_35 + 0u];
      o_23 = fma(vec4f(e_38), x_39, o_23);
    }
    workgroupBarrier();
  }
  if (r_16 < n_3) {
    let a_40 = b_14 + r_16 * s_15;
    let e_41 = select(1.0 / l_25, bitcast<f32>(nan_bits), l_25 == 0.0);
    var found = array<vec4f, 1>(o_23);
    for (var c = 0u; c < 4u; c++) {
      let j_42 = 0u * 4u + c;
      if (j_42 < n_6) {
        x0[a_40 + j_42] = found[c >> 2u][c & 3u] * e_41;
      }
    }
  }
}

