// {"family":"Gemm","way":"tile","tile":{"rows":8,"columns":16,"lanes":4}}
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
@compute @workgroup_size(4, 1, 1)
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
  let m_8 = min(m_6 + 4u + lane, m_5 - 1u);
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
  var c_24 = 0.0;
  var c_25 = 0.0;
  var c_26 = 0.0;
  var c_27 = 0.0;
  var c_28 = 0.0;
  var c_29 = 0.0;
  var c_30 = 0.0;
  var c_31 = 0.0;
  var c_32 = 0.0;
  var c_33 = 0.0;
  var c_34 = 0.0;
  var c_35 = 0.0;
  var c_36 = 0.0;
  var c_37 = 0.0;
  var c_38 = 0.0;
  var c_39 = 0.0;
  var c_40 = 0.0;
  let s_41 = p[1].x;
  var b_42 = p[1].y + i_4 * p[1].z + lane;
  let s_43 = p[2].x;
  let a_44 = p[1].w;
  var a_45 = a_44 + m_7 * s_43;
  var a_46 = a_44 + m_8 * s_43;
  let t_47 = p[2].y;
  for (var k_48 = 0u; k_48 < t_47; k_48++) {
    let x_49 = x2[a_45 + k_48];
    let x_50 = x2[a_46 + k_48];
    let y_51 = x1[b_42 + 0u];
    let y_52 = x1[b_42 + 4u];
    let y_53 = x1[b_42 + 8u];
    let y_54 = x1[b_42 + 12u];
    b_42 += s_41;
    let z_55 = subgroupBroadcast(x_49, 0u);
    c_9 = fma(z_55, y_51, c_9); c_10 = fma(z_55, y_52, c_10); c_11 = fma(z_55, y_53, c_11); c_12 = fma(z_55, y_54, c_12);
    let z_56 = subgroupBroadcast(x_49, 1u);
    c_13 = fma(z_56, y_51, c_13); c_14 = fma(z_56, y_52, c_14); c_15 = fma(z_56, y_53, c_15); c_16 = fma(z_56, y_54, c_16);
    let z_57 = subgroupBroadcast(x_49, 2u);
    c_17 = fma(z_57, y_51, c_17); c_18 = fma(z_57, y_52, c_18); c_19 = fma(z_57, y_53, c_19); c_20 = fma(z_57, y_54, c_20);
    let z_58 = subgroupBroadcast(x_49, 3u);
    c_21 = fma(z_58, y_51, c_21); c_22 = fma(z_58, y_52, c_22); c_23 = fma(z_58, y_53, c_23); c_24 = fma(z_58, y_54, c_24);
    let z_59 = subgroupBroadcast(x_50, 0u);
    c_25 = fma(z_59, y_51, c_25); c_26 = fma(z_59, y_52, c_26); c_27 = fma(z_59, y_53, c_27); c_28 = fma(z_59, y_54, c_28);
    let z_60 = subgroupBroadcast(x_50, 1u);
    c_29 = fma(z_60, y_51, c_29); c_30 = fma(z_60, y_52, c_30); c_31 = fma(z_60, y_53, c_31); c_32 = fma(z_60, y_54, c_32);
    let z_61 = subgroupBroadcast(x_50, 2u);
    c_33 = fma(z_61, y_51, c_33); c_34 = fma(z_61, y_52, c_34); c_35 = fma(z_61, y_53, c_35); c_36 = fma(z_61, y_54, c_36);
    let z_62 = subgroupBroadcast(x_50, 3u);
    c_37 = fma(z_62, y_51, c_37); c_38 = fma(z_62, y_52, c_38); c_39 = fma(z_62, y_53, c_39); c_40 = fma(z_62, y_54, c_40);
  }
  let n_63 = i_4 * 16u;
  var all_64 = array<f32, 32>(c_9, c_10, c_11, c_12, c_13, c_14, c_15, c_16, c_17, c_18, c_19, c_20, c_21, c_22, c_23, c_24, c_25, c_26, c_27, c_28, c_29, c_30, c_31, c_32, c_33, c_34, c_35, c_36, c_37, c_38, c_39, c_40);
  let m_67 = q_3 * m_5 + m_6;
  let m_68 = min(8u, m_5 - m_6);
  let n_69 = p[2].z;
  for (var i_65 = 0u; i_65 < m_68; i_65++) {
    let m_70 = m_67 + i_65;
    for (var j_66 = 0u; j_66 < 4u; j_66++) {
      let n_71 = n_63 + j_66 * 4u + lane;
      if (n_71 < n_69) {
        let t_72 = x3[n_71];
        let t_73 = (all_64[i_65 * 4u + j_66] + t_72);
        let t_74 = gelu_(t_73);
        x0[m_70 * p[2].w + n_71] = t_74;
      }
    }
  }
}

