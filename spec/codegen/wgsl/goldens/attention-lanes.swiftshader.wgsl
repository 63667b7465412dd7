// {"family":"PlainAttention","way":"lanes","tile":{"lanes":4,"queries":8,"keys":2}}
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
  for (var i = 0u; i < 8u; i++) {
    let r_17 = min(n_7 + i, n_3 - 1u);
    let a_18 = b_8 + r_17 * s_9;
    for (var c = 0u; c < 1u; c++) {
      let j_19 = c * 4u + lane;
      asked[i * 1u + c] = select(0.0, x1[a_18 + min(j_19, n_5 - 1u)] * c_16, j_19 < n_5);
    }
  }
  let q_20 = asked[0];
  let q_21 = asked[1];
  let q_22 = asked[2];
  let q_23 = asked[3];
  let q_24 = asked[4];
  let q_25 = asked[5];
  let q_26 = asked[6];
  let q_27 = asked[7];
  var o_28 = 0.0;
  var o_29 = 0.0;
  var o_30 = 0.0;
  var o_31 = 0.0;
  var o_32 = 0.0;
  var o_33 = 0.0;
  var o_34 = 0.0;
  var o_35 = 0.0;
  var m_36 = -0x1.fffffep+127f;
  var m_37 = -0x1.fffffep+127f;
  var l_38 = 0.0;
  var l_39 = 0.0;
  let u_40 = (lane & 1u) != 0u;
  let u_41 = (lane & 2u) != 0u;
  let r_42 = min(n_7 + 0u + lane, n_3 - 1u);
  let r_43 = min(n_7 + 4u + lane, n_3 - 1u);
  let j_44 = 0u + lane;
  let j_45 = 0u + lane;
  for (var j = 0u; j < n_4; j += 2u) {
    let j_46 = min(j + 1u, n_4 - 1u);
    let a_47 = b_10 + j * s_11;
    let x_48 = x2[a_47 + j_44];
    let p_49 = q_20 * x_48;
    let p_50 = q_21 * x_48;
    let p_51 = q_22 * x_48;
    let p_52 = q_23 * x_48;
    let z_53 = select(p_49, p_51, u_41) + subgroupShuffleXor(select(p_51, p_49, u_41), 2u);
    let z_54 = select(p_50, p_52, u_41) + subgroupShuffleXor(select(p_52, p_50, u_41), 2u);
    let z_55 = select(z_53, z_54, u_40) + subgroupShuffleXor(select(z_54, z_53, u_40), 1u);
    let p_56 = q_24 * x_48;
    let p_57 = q_25 * x_48;
    let p_58 = q_26 * x_48;
    let p_59 = q_27 * x_48;
    let z_60 = select(p_56, p_58, u_41) + subgroupShuffleXor(select(p_58, p_56, u_41), 2u);
    let z_61 = select(p_57, p_59, u_41) + subgroupShuffleXor(select(p_59, p_57, u_41), 2u);
    let z_62 = select(z_60, z_61, u_40) + subgroupShuffleXor(select(z_61, z_60, u_40), 1u);
    let a_63 = b_10 + j_46 * s_11;
    let x_64 = x2[a_63 + j_44];
    let p_65 = q_20 * x_64;
    let p_66 = q_21 * x_64;
    let p_67 = q_22 * x_64;
    let p_68 = q_23 * x_64;
    let z_69 = select(p_65, p_67, u_41) + subgroupShuffleXor(select(p_67, p_65, u_41), 2u);
    let z_70 = select(p_66, p_68, u_41) + subgroupShuffleXor(select(p_68, p_66, u_41), 2u);
    let z_71 = select(z_69, z_70, u_40) + subgroupShuffleXor(select(z_70, z_69, u_40), 1u);
    let d_72 = select(-0x1.fffffep+127f, z_71, j + 1u < n_4);
    let p_73 = q_24 * x_64;
    let p_74 = q_25 * x_64;
    let p_75 = q_26 * x_64;
    let p_76 = q_27 * x_64;
    let z_77 = select(p_73, p_75, u_41) + subgroupShuffleXor(select(p_75, p_73, u_41), 2u);
    let z_78 = select(p_74, p_76, u_41) + subgroupShuffleXor(select(p_76, p_74, u_41), 2u);
    let z_79 = select(z_77, z_78, u_40) + subgroupShuffleXor(select(z_78, z_77, u_40), 1u);
    let d_80 = select(-0x1.fffffep+127f, z_79, j + 1u < n_4);
    let m_81 = max(max(m_36, z_55), d_72);
    let f_82 = exp(m_36 - m_81);
    m_36 = m_81;
    let e_83 = exp(z_55 - m_36);
    let e_84 = select(0.0, exp(d_72 - m_36), j + 1u < n_4);
    l_38 = l_38 * f_82 + e_83 + e_84;
    let m_85 = max(max(m_37, z_62), d_80);
    let f_86 = exp(m_37 - m_85);
    m_37 = m_85;
    let e_87 = exp(z_62 - m_37);
    let e_88 = select(0.0, exp(d_80 - m_37), j + 1u < n_4);
    l_39 = l_39 * f_86 + e_87 + e_88;
    let a_89 = b_12 + j * s_13;
    let x_90 = x3[a_89 + j_45];
    let a_91 = b_12 + j_46 * s_13;
    let x_92 = x3[a_91 + j_45];
    let e_93 = subgroupBroadcast(f_82, 0u);
    let e_94 = subgroupBroadcast(e_83, 0u);
    let e_95 = subgroupBroadcast(e_84, 0u);
    o_28 = fma(e_95, x_92, fma(e_94, x_90, o_28 * e_93));
    let e_96 = subgroupBroadcast(f_82, 1u);
    let e_97 = subgroupBroadcast(e_83, 1u);
    let e_98 = subgroupBroadcast(e_84, 1u);
    o_29 = fma(e_98, x_92, fma(e_97, x_90, o_29 * e_96));
    let e_99 = subgroupBroadcast(f_82, 2u);
    let e_100 = subgroupBroadcast(e_83, 2u);
    let e_101 = subgroupBroadcast(e_84, 2u);
    o_30 = fma(e_101, x_92, fma(e_100, x_90, o_30 * e_99));
    let e_102 = subgroupBroadcast(f_82, 3u);
    let e_103 = subgroupBroadcast(e_83, 3u);
    let e_104 = subgroupBroadcast(e_84, 3u);
    o_31 = fma(e_104, x_92, fma(e_103, x_90, o_31 * e_102));
    let e_105 = subgroupBroadcast(f_86, 0u);
    let e_106 = subgroupBroadcast(e_87, 0u);
    let e_107 = subgroupBroadcast(e_88, 0u);
    o_32 = fma(e_107, x_92, fma(e_106, x_90, o_32 * e_105));
    let e_108 = subgroupBroadcast(f_86, 1u);
    let e_109 = subgroupBroadcast(e_87, 1u);
    let e_110 = subgroupBroadcast(e_88, 1u);
    o_33 = fma(e_110, x_92, fma(e_109, x_90, o_33 * e_108));
    let e_111 = subgroupBroadcast(f_86, 2u);
    let e_112 = subgroupBroadcast(e_87, 2u);
    let e_113 = subgroupBroadcast(e_88, 2u);
    o_34 = fma(e_113, x_92, fma(e_112, x_90, o_34 * e_111));
    let e_114 = subgroupBroadcast(f_86, 3u);
    let e_115 = subgroupBroadcast(e_87, 3u);
    let e_116 = subgroupBroadcast(e_88, 3u);
    o_35 = fma(e_116, x_92, fma(e_115, x_90, o_35 * e_114));
  }
  var found = array<f32, 8>(o_28, o_29, o_30, o_31, o_32, o_33, o_34, o_35);
  var shares = array<f32, 2>(select(1.0 / l_38, bitcast<f32>(nan_bits), l_38 == 0.0), select(1.0 / l_39, bitcast<f32>(nan_bits), l_39 == 0.0));
  for (var i = 0u; i < min(8u, n_3 - n_7); i++) {
    let e_117 = subgroupShuffle(shares[i / 4u], i % 4u);
    let a_118 = b_14 + (n_7 + i) * s_15;
    for (var c = 0u; c < 1u; c++) {
      let j_119 = c * 4u + lane;
      if (j_119 < n_6) {
        x0[a_118 + j_119] = found[i * 1u + c] * e_117;
      }
    }
  }
}

