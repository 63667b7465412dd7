// {"family":"PlainAttention","way":"tile","tile":{"invocations":64,"parts":1,"queries":1,"keys":32,"deep":16}}
@group(0) @binding(0) var<uniform> p: array<vec4u, 6>;
@group(0) @binding(1) var<storage, read_write> x0: array<f32>;
@group(0) @binding(2) var<storage, read> x1: array<vec4f>;
@group(0) @binding(3) var<storage, read> x2: array<vec4f>;
@group(0) @binding(4) var<storage, read> x3: array<vec4f>;
@group(0) @binding(5) var<storage, read> x4: array<vec4f>;
@group(0) @binding(6) var<storage, read> x5: array<vec4f>;
var<workgroup> tile: array<vec4f, 337>;
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
  let n_18 = p[3].w;
  let b_19 = p[4].x;
  let s_20 = p[4].y;
  let b_21 = p[4].z;
  let s_22 = p[4].w;
  let o_23 = x1[(b_8 + min(r_16, n_3 - 1u) * s_9) >> 2u].x;
  var c_24 = vec4f();
  var m_25 = 0.0;
  var m_26 = 0.0;
  for (var start = 0u; start < n_18; start += 16u) {
    for (var i = lid; i < 256u; i += 64u) {
      let r_27 = i / 4u;
      let a_28 = b_8 + min(n_7 + r_27, n_3 - 1u) * s_9;
      let j_29 = i % 4u;
      let j_30 = start + j_29 * 4u;
      let x_31 = select(vec4f(), x1[(a_28 + min(j_30, n_18 - 4u)) >> 2u], j_30 < n_18);
      tile[r_27 * 5u + j_29] = x_31;
    }
    for (var i = lid; i < 16u; i += 64u) {
      let r_32 = i / 1u;
      let a_33 = b_19 + (min(start + r_32, n_18 - 1u)) * s_20;
      let j_34 = (i - r_32 * 1u) * 4u;
      let x_35 = x4[(a_33 + j_34) >> 2u];
      tile[320u + i] = select(vec4f(), x_35, start + r_32 < n_18);
    }
    workgroupBarrier();
    for (var i = lid; i < 1u; i += 64u) {
      var s_36 = tile[336u + i];
      if (start == 0u) { s_36 = vec4f(); }
      for (var d = 0u; d < 16u; d++) { s_36 += tile[320u + d * 1u + i]; }
      tile[336u + i] = s_36;
    }
    for (var e = 0u; e < 4u; e++) {
      let x_37 = tile[(0u + lid) * 5u + e];
      let x_38 = x_37 - o_23;
      let x_39 = select(vec4f(), x_38, vec4u(start + e * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(n_18));
      m_25 += dot(x_39, vec4f(1));
      m_26 += dot(x_39, x_39);
      let a_40 = 320u + e * 4u + 0u * 1u;
      let y_41 = tile[a_40 + 0u];
      c_24 = fma(vec4f(x_39.x), y_41, c_24);
      let y_42 = tile[a_40 + 1u];
      c_24 = fma(vec4f(x_39.y), y_42, c_24);
      let y_43 = tile[a_40 + 2u];
      c_24 = fma(vec4f(x_39.z), y_43, c_24);
      let y_44 = tile[a_40 + 3u];
      c_24 = fma(vec4f(x_39.w), y_44, c_24);
    }
    workgroupBarrier();
  }
  let u_45 = m_25 * bitcast<f32>(p[5].x);
  let v_46 = 1.0 / sqrt(max(fma(-u_45, u_45, m_26 * bitcast<f32>(p[5].x)), 0.0) + bitcast<f32>(p[5].y));
  var q_47 = array<vec4f, 1>(c_24);
  for (var i = 0u; i < 1u; i++) {
    let j_48 = 0u * 1u + i;
    let j_49 = j_48 * 4u;
    let x_50 = x5[(b_21 + j_49) >> 2u];
    q_47[i] = ((q_47[i] - u_45 * tile[336u + j_48]) * v_46 + x_50) * c_17;
  }
  let q_51 = q_47[0];
  workgroupBarrier();
  var o_52 = vec4f();
  var m_53 = -0x1.fffffep+127f;
  var l_54 = 0.0;
  for (var start = 0u; start < n_4; start += 32u) {
    let n_55 = min(32u, n_4 - start);
    for (var i = lid; i < n_55 * 1u; i += 64u) {
      let j_56 = i / 1u;
      let a_57 = b_10 + (start + j_56) * s_11;
      let j_58 = (i - j_56 * 1u) * 4u;
      let x_59 = x2[(a_57 + j_58) >> 2u];
      tile[i] = x_59;
    }
    for (var i = lid; i < n_55 * 1u; i += 64u) {
      let j_60 = i / 1u;
      let a_61 = b_12 + (start + j_60) * s_13;
      let j_62 = (i - j_60 * 1u) * 4u;
      let x_63 = x3[(a_61 + j_62) >> 2u];
      tile[32u + i] = x_63;
    }
    workgroupBarrier();
    for (var j = 0u; j < n_55; j++) {
      let a_64 = 32u + (j * 1u + 0u) * 1u;
      let p_65 = dot(q_51, tile[j * 1u + 0u]);
      if (p_65 > m_53) {
        let f_66 = exp(m_53 - p_65);
        m_53 = p_65;
        l_54 *= f_66;
        o_52 *= f_66;
      }
      let e_67 = exp(p_65 - m_53);
      l_54 += e_67;
      let x_68 = tile[a_64 + 0u];
      o_52 = fma(vec4f(e_67), x_68, o_52);
    }
    workgroupBarrier();
  }
  if (r_16 < n_3) {
    let a_69 = b_14 + r_16 * s_15;
    let e_70 = select(1.0 / l_54, bitcast<f32>(nan_bits), l_54 == 0.0);
    var found = array<vec4f, 1>(o_52);
    for (var c = 0u; c < 4u; c++) {
      let j_71 = 0u * 4u + c;
      if (j_71 < n_6) {
        x0[a_69 + j_71] = found[c >> 2u][c & 3u] * e_70;
      }
    }
  }
}

