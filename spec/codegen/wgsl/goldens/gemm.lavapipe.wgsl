// {"family":"Gemm","way":"tile","tile":{"rows":8,"columns":16,"lanes":8}}
enable subgroups;
@group(0) @binding(0) var<uniform> p: array<vec4u, 3>;
@group(0) @binding(1) var<storage, read_write> x0: array<f32>;
@group(0) @binding(2) var<storage, read> x1: array<f32>;
@group(0) @binding(3) var<storage, read> x2: array<f32>;
@group(0) @binding(4) var<storage, read> x3: array<f32>;
fn erf_(x: f32) -> f32 {
  let c = clamp(x, f32(-4.0f), f32(4.0f));
  let z = c * c;
  let y = clamp(c * ((((((-2.726142367404094e-10f * z + 2.7706814620387377e-8f) * z + -0.000002101023937939317f) * z + -0.00005692506238119677f) * z + -0.0007349906372837722f) * z + -0.0029545999132096767f) * z + -0.01609603315591812f) / ((((-0.000014566071513399947f * z + -0.00021337404905352741f) * z + -0.001682827016338706f) * z + -0.007373329252004623f) * z + -0.014264739118516445f), f32(-1), f32(1));
  return select(y, x, (bitcast<u32>(x) & u32(0x7fffffffu)) > u32(0x7f800000u));
}
fn gelu_(x: f32) -> f32 { return 0.5f * x * (1 + erf_(x * 0.7071067690849304f)); }
@compute @workgroup_size(8, 1, 1)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32, @builtin(subgroup_invocation_id) lane: u32) {
  let w_0 = (wg.y * nwg.x + wg.x);
  if (w_0 >= p[0].x) { return; }
  let q_1 = w_0 / p[0].z;
  let i_2 = w_0 - q_1 * p[0].z;
  let q_3 = q_1 / p[0].y;
  let i_4 = q_1 - q_3 * p[0].y;
  let m_5 = p[0].w;
  let m_6 = i_2 * 8u;
  let m_7 = min(m_6 + 0u + lane, m_5 - 1u);
  var c_8 = 0.0;
  var c_9 = 0.0;
  var c_10 = 0.0;
  var c_11 = 0.0;
  var c_12 = 0.0;
  var c_13 = 0.0;
  var c_14 = 0.0;
  var c_15 = 0.0;
  var c_16 = 0.0;
  var c_17 = 0.0;
  var c_18 = 0.0;
  var c_19 = 0.0;
  var c_20 = 0.0;
  var c_21 = 0.0;
  var c_22 = 0.0;
  var c_23 = 0.0;
  let s_24 = p[1].x;
  var b_25 = p[1].y + i_4 * p[1].z + lane;
  let s_26 = p[2].x;
  let a_27 = p[1].w;
  var a_28 = a_27 + m_7 * s_26;
  let t_29 = p[2].y;
  for (var k_30 = 0u; k_30 < t_29; k_30++) {
    let x_31 = x2[a_28 + k_30];
    let y_32 = x1[b_25 + 0u];
    let y_33 = x1[b_25 + 8u];
    b_25 += s_24;
    let z_34 = subgroupBroadcast(x_31, 0u);
    c_8 = fma(z_34, y_32, c_8); c_9 = fma(z_34, y_33, c_9);
    let z_35 = subgroupBroadcast(x_31, 1u);
    c_10 = fma(z_35, y_32, c_10); c_11 = fma(z_35, y_33, c_11);
    let z_36 = subgroupBroadcast(x_31, 2u);
    c_12 = fma(z_36, y_32, c_12); c_13 = fma(z_36, y_33, c_13);
    let z_37 = subgroupBroadcast(x_31, 3u);
    c_14 = fma(z_37, y_32, c_14); c_15 = fma(z_37, y_33, c_15);
    let z_38 = subgroupBroadcast(x_31, 4u);
    c_16 = fma(z_38, y_32, c_16); c_17 = fma(z_38, y_33, c_17);
    let z_39 = subgroupBroadcast(x_31, 5u);
    c_18 = fma(z_39, y_32, c_18); c_19 = fma(z_39, y_33, c_19);
    let z_40 = subgroupBroadcast(x_31, 6u);
    c_20 = fma(z_40, y_32, c_20); c_21 = fma(z_40, y_33, c_21);
    let z_41 = subgroupBroadcast(x_31, 7u);
    c_22 = fma(z_41, y_32, c_22); c_23 = fma(z_41, y_33, c_23);
  }
  let n_42 = i_4 * 16u;
  var all_43 = array<f32, 16>(c_8, c_9, c_10, c_11, c_12, c_13, c_14, c_15, c_16, c_17, c_18, c_19, c_20, c_21, c_22, c_23);
  let m_46 = q_3 * m_5 + m_6;
  let m_47 = min(8u, m_5 - m_6);
  let n_48 = p[2].z;
  for (var i_44 = 0u; i_44 < m_47; i_44++) {
    let m_49 = m_46 + i_44;
    for (var j_45 = 0u; j_45 < 2u; j_45++) {
      let n_50 = n_42 + j_45 * 8u + lane;
      if (n_50 < n_48) {
        let t_51 = x3[n_50];
        let t_52 = (all_43[i_44 * 2u + j_45] + t_51);
        let t_53 = gelu_(t_52);
        x0[m_49 * p[2].w + n_50] = t_53;
      }
    }
  }
}

