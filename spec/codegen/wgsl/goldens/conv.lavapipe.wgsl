// {"family":"Gemm","way":"tile","tile":{"rows":8,"columns":16,"lanes":8}}
enable subgroups;
@group(0) @binding(0) var<uniform> p: array<vec4u, 7>;
@group(0) @binding(1) var<storage, read_write> x0: array<f32>;
@group(0) @binding(2) var<storage, read> x1: array<f32>;
@group(0) @binding(3) var<storage, read> x2: array<f32>;
@group(0) @binding(4) var<storage, read> x3: array<f32>;
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
  let d_8 = p[1].x;
  let d_9 = p[1].y;
  let q_10 = m_7 / d_9;
  let i_11 = m_7 - q_10 * d_9;
  let q_12 = q_10 / d_8;
  let i_13 = q_10 - q_12 * d_8;
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
  let s_30 = p[1].z;
  var b_31 = p[1].w + i_4 * p[2].x + lane;
  let s_32 = p[2].z;
  let s_33 = p[2].w;
  let b_34 = p[3].x;
  let b_35 = p[3].y;
  let d_36 = p[3].z;
  let d_37 = p[3].w;
  let h_38 = p[4].x;
  let h_39 = p[4].y;
  let s_40 = p[4].z;
  let s_41 = p[4].w;
  let s_42 = p[5].x;
  let a_43 = p[2].y;
  let a_44 = a_43 + q_12 * p[5].y;
  let y_45 = i_13 * s_32 - b_34;
  let x_46 = i_11 * s_33 - b_35;
  for (var k_47 = 0u; k_47 < p[5].z; k_47++) {
    for (var k_48 = 0u; k_48 < p[5].w; k_48++) {
      let y_49 = y_45 + k_47 * d_36;
      let x_50 = x_46 + k_48 * d_37;
      let v_51 = y_49 < h_38 && x_50 < h_39;
      let a_52 = select(a_43, a_44 + y_49 * s_40 + x_50 * s_41, v_51);
      for (var k_53 = 0u; k_53 < p[6].x; k_53++) {
        let t_54 = 1u;
        let a_55 = a_52 + k_53 * p[6].y;
        for (var k_56 = 0u; k_56 < t_54; k_56++) {
          let x_57 = select(0.0, x2[a_55 + k_56], v_51);
          let y_58 = x1[b_31 + 0u];
          let y_59 = x1[b_31 + 8u];
          b_31 += s_30;
          let z_60 = subgroupBroadcast(x_57, 0u);
          c_14 = fma(z_60, y_58, c_14); c_15 = fma(z_60, y_59, c_15);
          let z_61 = subgroupBroadcast(x_57, 1u);
          c_16 = fma(z_61, y_58, c_16); c_17 = fma(z_61, y_59, c_17);
          let z_62 = subgroupBroadcast(x_57, 2u);
          c_18 = fma(z_62, y_58, c_18); c_19 = fma(z_62, y_59, c_19);
          let z_63 = subgroupBroadcast(x_57, 3u);
          c_20 = fma(z_63, y_58, c_20); c_21 = fma(z_63, y_59, c_21);
          let z_64 = subgroupBroadcast(x_57, 4u);
          c_22 = fma(z_64, y_58, c_22); c_23 = fma(z_64, y_59, c_23);
          let z_65 = subgroupBroadcast(x_57, 5u);
          c_24 = fma(z_65, y_58, c_24); c_25 = fma(z_65, y_59, c_25);
          let z_66 = subgroupBroadcast(x_57, 6u);
          c_26 = fma(z_66, y_58, c_26); c_27 = fma(z_66, y_59, c_27);
          let z_67 = subgroupBroadcast(x_57, 7u);
          c_28 = fma(z_67, y_58, c_28); c_29 = fma(z_67, y_59, c_29);
        }
      }
    }
  }
  let n_68 = i_4 * 16u;
  var all_69 = array<f32, 16>(c_14, c_15, c_16, c_17, c_18, c_19, c_20, c_21, c_22, c_23, c_24, c_25, c_26, c_27, c_28, c_29);
  let m_72 = q_3 * m_5 + m_6;
  let m_73 = min(8u, m_5 - m_6);
  let n_74 = p[6].z;
  for (var i_70 = 0u; i_70 < m_73; i_70++) {
    let m_75 = m_72 + i_70;
    for (var j_71 = 0u; j_71 < 2u; j_71++) {
      let n_76 = n_68 + j_71 * 8u + lane;
      if (n_76 < n_74) {
        let t_77 = x3[n_76];
        let t_78 = (all_69[i_70 * 2u + j_71] + t_77);
        x0[m_75 + n_76 * p[6].w] = t_78;
      }
    }
  }
}

