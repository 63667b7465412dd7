// {"family":"Gemm","way":"shared","tile":{"down":4,"across":4,"rows":1,"wide":1,"slices":16,"deep":4}}
@group(0) @binding(0) var<uniform> p: array<vec4u, 4>;
@group(0) @binding(1) var<storage, read_write> x0: array<vec4f>;
@group(0) @binding(2) var<storage, read> x1: array<vec4f>;
@group(0) @binding(3) var<storage, read> x2: array<vec4f>;
@group(0) @binding(4) var<storage, read> x3: array<vec4f>;
var<workgroup> tile: array<vec4f, 324>;
fn erf_4(x: vec4f) -> vec4f {
  let c = clamp(x, vec4f(-4.0f), vec4f(4.0f));
  let z = c * c;
  let y = clamp(c * ((((((-2.726142367404094e-10f * z + 2.7706814620387377e-8f) * z + -0.000002101023937939317f) * z + -0.00005692506238119677f) * z + -0.0007349906372837722f) * z + -0.0029545999132096767f) * z + -0.01609603315591812f) / ((((-0.000014566071513399947f * z + -0.00021337404905352741f) * z + -0.001682827016338706f) * z + -0.007373329252004623f) * z + -0.014264739118516445f), vec4f(-1), vec4f(1));
  return select(y, x, (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));
}
fn gelu_4(x: vec4f) -> vec4f { return 0.5f * x * (1 + erf_4(x * 0.7071067690849304f)); }
@compute @workgroup_size(256, 1, 1)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let w_0 = (wg.y * nwg.x + wg.x);
  if (w_0 >= p[0].x) { return; }
  let q_1 = w_0 / p[0].z;
  let i_2 = w_0 - q_1 * p[0].z;
  let q_3 = q_1 / p[0].y;
  let i_4 = q_1 - q_3 * p[0].y;
  let m_5 = p[0].w;
  let m_6 = i_2 * 4u;
  let q_7 = lid % 16u;
  let q_8 = lid / 16u;
  let q_9 = lid % 4u;
  let q_10 = lid / 4u;
  let s_11 = p[1].y;
  let n_12 = 4u * min(i_4 * 4u + q_9, p[1].z);
  let n_13 = n_12 / s_11;
  let s_14 = s_11 >> 2u;
  var b_15 = ((p[1].x + n_13 * p[1].w + n_12 - n_13 * s_11) >> 2u) + q_10 * s_14;
  let m_16 = min(m_6 + q_8, m_5 - 1u);
  let j_17 = lid % 4u;
  let i_18 = (lid / 4u) % 4u;
  let z_19 = lid / 16u;
  var c_20 = vec4f();
  let s_21 = p[2].y;
  let a_22 = p[2].x;
  var a_23 = a_22 + m_16 * s_21;
  let t_24 = p[2].z;
  for (var k_25 = 0u; k_25 < t_24; k_25 += 64u) {
    let k_26 = k_25 + 4u * q_7;
    let v_27 = k_26 < t_24;
    if (q_8 < 4u) {
      let x_28 = select(vec4f(), x2[(a_23 + k_26) >> 2u], v_27);
      tile[(q_8) * 17u + q_7] = x_28;
    }
    let y_29 = select(vec4f(), x1[b_15 + (k_25 + 0u) * s_14], k_25 + q_10 < t_24);
    tile[68u + (q_10) * 4u + q_9] = y_29;
    workgroupBarrier();
    for (var q_30 = 0u; q_30 < 1u; q_30++) {
      let q_31 = z_19 * 1u + q_30;
      let x_32 = tile[(0u + i_18) * 17u + q_31];
      let q_33 = 68u + q_31 * 16u + j_17;
      let y_34 = tile[q_33 + 0u];
      c_20 = fma(vec4f(x_32.x), y_34, c_20);
      let y_35 = tile[q_33 + 4u];
      c_20 = fma(vec4f(x_32.y), y_35, c_20);
      let y_36 = tile[q_33 + 8u];
      c_20 = fma(vec4f(x_32.z), y_36, c_20);
      let y_37 = tile[q_33 + 12u];
      c_20 = fma(vec4f(x_32.w), y_37, c_20);
    }
    workgroupBarrier();
  }
  b_15 += t_24 * s_14;
  for (var step = 8u; step > 0u; step >>= 1u) {
    if (z_19 >= step && z_19 < 2u * step) {
      tile[0u * 128u + (z_19 - step) * 16u + lid % 16u] = c_20;
    }
    workgroupBarrier();
    if (z_19 < step) {
      c_20 += tile[0u * 128u + z_19 * 16u + lid % 16u];
    }
    workgroupBarrier();
  }
  let n_38 = p[2].w;
  var all_39 = array<vec4f, 1>(c_20);
  if (z_19 == 0u) {
    for (var i_40 = 0u; i_40 < 1u; i_40++) {
      let m_43 = m_6 + i_40 * 4u + i_18;
      if (m_43 < m_5) {
        let m_44 = q_3 * m_5 + m_43;
        for (var j_41 = 0u; j_41 < 1u; j_41++) {
          let c_45 = all_39[i_40 * 1u + j_41];
          let n_46 = i_4 * 4u + j_17 + j_41 * 4u;
          let n_47 = n_46 * 4u;
          if (n_47 < n_38) {
            let t_48 = x3[(n_47) >> 2u];
            let t_49 = (c_45 + t_48);
            let t_50 = gelu_4(t_49);
            x0[(m_44 * p[3].x + n_47) >> 2u] = t_50;
          }
        }
      }
    }
  }
}

