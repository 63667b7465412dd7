// {"family":"Gemm","way":"tile","tile":{"rows":8,"columns":16,"lanes":4}}
enable subgroups;
@group(0) @binding(0) var<uniform> p: array<vec4u, 7>;
@group(0) @binding(1) var<storage, read_write> x0: array<f32>;
@group(0) @binding(2) var<storage, read> x1: array<f32>;
@group(0) @binding(3) var<storage, read> x2: array<f32>;
@group(0) @binding(4) var<storage, read> x3: array<f32>;
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
  let d_9 = p[1].x;
  let d_10 = p[1].y;
  let q_11 = m_7 / d_10;
  let i_12 = m_7 - q_11 * d_10;
  let q_13 = q_11 / d_9;
  let i_14 = q_11 - q_13 * d_9;
  let q_15 = m_8 / d_10;
  let i_16 = m_8 - q_15 * d_10;
  let q_17 = q_15 / d_9;
  let i_18 = q_15 - q_17 * d_9;
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
  var c_41 = 0.0;
  var c_42 = 0.0;
  var c_43 = 0.0;
  var c_44 = 0.0;
  var c_45 = 0.0;
  var c_46 = 0.0;
  var c_47 = 0.0;
  var c_48 = 0.0;
  var c_49 = 0.0;
  var c_50 = 0.0;
  let s_51 = p[1].z;
  var b_52 = p[1].w + i_4 * p[2].x + lane;
  let s_53 = p[2].z;
  let s_54 = p[2].w;
  let b_55 = p[3].x;
  let b_56 = p[3].y;
  let d_57 = p[3].z;
  let d_58 = p[3].w;
  let h_59 = p[4].x;
  let h_60 = p[4].y;
  let s_61 = p[4].z;
  let s_62 = p[4].w;
  let s_63 = p[5].x;
  let a_64 = p[2].y;
  let a_65 = a_64 + q_13 * p[5].y;
  let y_66 = i_14 * s_53 - b_55;
  let x_67 = i_12 * s_54 - b_56;
  let a_68 = a_64 + q_17 * p[5].y;
  let y_69 = i_18 * s_53 - b_55;
  let x_70 = i_16 * s_54 - b_56;
  for (var k_71 = 0u; k_71 < p[5].z; k_71++) {
    for (var k_72 = 0u; k_72 < p[5].w; k_72++) {
      let y_73 = y_66 + k_71 * d_57;
      let x_74 = x_67 + k_72 * d_58;
      let v_75 = y_73 < h_59 && x_74 < h_60;
      let a_76 = select(a_64, a_65 + y_73 * s_61 + x_74 * s_62, v_75);
      let y_77 = y_69 + k_71 * d_57;
      let x_78 = x_70 + k_72 * d_58;
      let v_79 = y_77 < h_59 && x_78 < h_60;
      let a_80 = select(a_64, a_68 + y_77 * s_61 + x_78 * s_62, v_79);
      for (var k_81 = 0u; k_81 < p[6].x; k_81++) {
        let t_82 = 1u;
        let a_83 = a_76 + k_81 * p[6].y;
        let a_84 = a_80 + k_81 * p[6].y;
        for (var k_85 = 0u; k_85 < t_82; k_85++) {
          let x_86 = select(0.0, x2[a_83 + k_85], v_75);
          let x_87 = select(0.0, x2[a_84 + k_85], v_79);
          let y_88 = x1[b_52 + 0u];
          let y_89 = x1[b_52 + 4u];
          let y_90 = x1[b_52 + 8u];
          let y_91 = x1[b_52 + 12u];
          b_52 += s_51;
          let z_92 = subgroupBroadcast(x_86, 0u);
          c_19 = fma(z_92, y_88, c_19); c_20 = fma(z_92, y_89, c_20); c_21 = fma(z_92, y_90, c_21); c_22 = fma(z_92, y_91, c_22);
          let z_93 = subgroupBroadcast(x_86, 1u);
          c_23 = fma(z_93, y_88, c_23); c_24 = fma(z_93, y_89, c_24); c_25 = fma(z_93, y_90, c_25); c_26 = fma(z_93, y_91, c_26);
          let z_94 = subgroupBroadcast(x_86, 2u);
          c_27 = fma(z_94, y_88, c_27); c_28 = fma(z_94, y_89, c_28); c_29 = fma(z_94, y_90, c_29); c_30 = fma(z_94, y_91, c_30);
          let z_95 = subgroupBroadcast(x_86, 3u);
          c_31 = fma(z_95, y_88, c_31); c_32 = fma(z_95, y_89, c_32); c_33 = fma(z_95, y_90, c_33); c_34 = fma(z_95, y_91, c_34);
          let z_96 = subgroupBroadcast(x_87, 0u);
          c_35 = fma(z_96, y_88, c_35); c_36 = fma(z_96, y_89, c_36); c_37 = fma(z_96, y_90, c_37); c_38 = fma(z_96, y_91, c_38);
          let z_97 = subgroupBroadcast(x_87, 1u);
          c_39 = fma(z_97, y_88, c_39); c_40 = fma(z_97, y_89, c_40); c_41 = fma(z_97, y_90, c_41); c_42 = fma(z_97, y_91, c_42);
          let z_98 = subgroupBroadcast(x_87, 2u);
          c_43 = fma(z_98, y_88, c_43); c_44 = fma(z_98, y_89, c_44); c_45 = fma(z_98, y_90, c_45); c_46 = fma(z_98, y_91, c_46);
          let z_99 = subgroupBroadcast(x_87, 3u);
          c_47 = fma(z_99, y_88, c_47); c_48 = fma(z_99, y_89, c_48); c_49 = fma(z_99, y_90, c_49); c_50 = fma(z_99, y_91, c_50);
        }
      }
    }
  }
  let n_100 = i_4 * 16u;
  var all_101 = array<f32, 32>(c_19, c_20, c_21, c_22, c_23, c_24, c_25, c_26, c_27, c_28, c_29, c_30, c_31, c_32, c_33, c_34, c_35, c_36, c_37, c_38, c_39, c_40, c_41, c_42, c_43, c_44, c_45, c_46, c_47, c_48, c_49, c_50);
  let m_104 = q_3 * m_5 + m_6;
  let m_105 = min(8u, m_5 - m_6);
  let n_106 = p[6].z;
  for (var i_102 = 0u; i_102 < m_105; i_102++) {
    let m_107 = m_104 + i_102;
    for (var j_103 = 0u; j_103 < 4u; j_103++) {
      let n_108 = n_100 + j_103 * 4u + lane;
      if (n_108 < n_106) {
        let t_109 = x3[n_108];
        let t_110 = (all_101[i_102 * 4u + j_103] + t_109);
        x0[m_107 + n_108 * p[6].w] = t_110;
      }
    }
  }
}

