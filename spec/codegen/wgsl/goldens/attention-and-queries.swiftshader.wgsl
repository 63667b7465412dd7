// {"family":"PlainAttention","way":"lanes","tile":{"lanes":4,"queries":8,"keys":2}}
enable subgroups;
@group(0) @binding(0) var<uniform> p: array<vec4u, 6>;
@group(0) @binding(1) var<storage, read_write> x0: array<f32>;
@group(0) @binding(2) var<storage, read> x1: array<f32>;
@group(0) @binding(3) var<storage, read> x2: array<f32>;
@group(0) @binding(4) var<storage, read> x3: array<f32>;
@group(0) @binding(5) var<storage, read> x4: array<f32>;
@group(0) @binding(6) var<storage, read> x5: array<f32>;
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
  let n_14 = p[3].x;
  let c_15 = bitcast<f32>(p[3].y);
  let b_16 = p[3].z;
  let s_17 = p[3].w;
  let b_18 = p[4].x;
  let s_19 = p[4].y;
  let b_20 = p[4].z;
  let s_21 = p[4].w;
  let c_22 = bitcast<f32>(p[5].x);
  var asked: array<f32, 8>;
  for (var i = 0u; i < 8u; i++) {
    let r_23 = min(n_7 + i, n_3 - 1u);
    let a_24 = b_8 + r_23 * s_9;
    var m_25 = 0.0;
    var d_26 = 1.0;
    var s_27 = 0.0;
    for (var i0 = 0u; i0 < n_14; i0++) {
      let x_28 = x1[a_24 + i0] - m_25;
      s_27 += x_28;
    }
    m_25 = s_27 / f32(n_14);
    var s_29 = 0.0;
    for (var i0 = 0u; i0 < n_14; i0++) {
      let x_30 = x1[a_24 + i0] - m_25;
      s_29 = fma(x_30, x_30, s_29);
    }
    d_26 = inverseSqrt(s_29 / f32(n_14) + c_15);
    for (var c = 0u; c < 1u; c++) {
      let j_31 = c * 4u + lane;
      var s_32 = 0.0;
      let j_33 = min(j_31, n_5 - 1u);
      for (var i0 = 0u; i0 < n_14; i0++) {
        let x_34 = x1[a_24 + i0] - m_25;
        s_32 = fma(x_34, x4[b_10 + i0 * s_11 + j_33], s_32);
      }
      asked[i * 1u + c] = select(0.0, (s_32 * d_26 + x5[b_12 + min(j_31, n_5 - 1u)]) * c_22, j_31 < n_5);
    }
  }
  let q_35 = asked[0];
  let q_36 = asked[1];
  let q_37 = asked[2];
  let q_38 = asked[3];
  let q_39 = asked[4];
  let q_40 = asked[5];
  let q_41 = asked[6];
  let q_42 = asked[7];
  var o_43 = 0.0;
  var o_44 = 0.0;
  var o_45 = 0.0;
  var o_46 = 0.0;
  var o_47 = 0.0;
  var o_48 = 0.0;
  var o_49 = 0.0;
  var o_50 = 0.0;
  var m_51 = -0x1.fffffep+127f;
  var m_52 = -0x1.fffffep+127f;
  var l_53 = 0.0;
  var l_54 = 0.0;
  let u_55 = (lane & 1u) != 0u;
  let u_56 = (lane & 2u) != 0u;
  let r_57 = min(n_7 + 0u + lane, n_3 - 1u);
  let r_58 = min(n_7 + 4u + lane, n_3 - 1u);
  let j_59 = 0u + lane;
  let j_60 = 0u + lane;
  for (var j = 0u; j < n_4; j += 2u) {
    let j_61 = min(j + 1u, n_4 - 1u);
    let a_62 = b_16 + j * s_17;
    let x_63 = x2[a_62 + j_59];
    let p_64 = q_35 * x_63;
    let p_65 = q_36 * x_63;
    let p_66 = q_37 * x_63;
    let p_67 = q_38 * x_63;
    let z_68 = select(p_64, p_66, u_56) + subgroupShuffleXor(select(p_66, p_64, u_56), 2u);
    let z_69 = select(p_65, p_67, u_56) + subgroupShuffleXor(select(p_67, p_65, u_56), 2u);
    let z_70 = select(z_68, z_69, u_55) + subgroupShuffleXor(select(z_69, z_68, u_55), 1u);
    let p_71 = q_39 * x_63;
    let p_72 = q_40 * x_63;
    let p_73 = q_41 * x_63;
    let p_74 = q_42 * x_63;
    let z_75 = select(p_71, p_73, u_56) + subgroupShuffleXor(select(p_73, p_71, u_56), 2u);
    let z_76 = select(p_72, p_74, u_56) + subgroupShuffleXor(select(p_74, p_72, u_56), 2u);
    let z_77 = select(z_75, z_76, u_55) + subgroupShuffleXor(select(z_76, z_75, u_55), 1u);
    let a_78 = b_16 + j_61 * s_17;
    let x_79 = x2[a_78 + j_59];
    let p_80 = q_35 * x_79;
    let p_81 = q_36 * x_79;
    let p_82 = q_37 * x_79;
    let p_83 = q_38 * x_79;
    let z_84 = select(p_80, p_82, u_56) + subgroupShuffleXor(select(p_82, p_80, u_56), 2u);
    let z_85 = select(p_81, p_83, u_56) + subgroupShuffleXor(select(p_83, p_81, u_56), 2u);
    let z_86 = select(z_84, z_85, u_55) + subgroupShuffleXor(select(z_85, z_84, u_55), 1u);
    let d_87 = select(-0x1.fffffep+127f, z_86, j + 1u < n_4);
    let p_88 = q_39 * x_79;
    let p_89 = q_40 * x_79;
    let p_90 = q_41 * x_79;
    let p_91 = q_42 * x_79;
    let z_92 = select(p_88, p_90, u_56) + subgroupShuffleXor(select(p_90, p_88, u_56), 2u);
    let z_93 = select(p_89, p_91, u_56) + subgroupShuffleXor(select(p_91, p_89, u_56), 2u);
    let z_94 = select(z_92, z_93, u_55) + subgroupShuffleXor(select(z_93, z_92, u_55), 1u);
    let d_95 = select(-0x1.fffffep+127f, z_94, j + 1u < n_4);
    let m_96 = max(max(m_51, z_70), d_87);
    let f_97 = exp(m_51 - m_96);
    m_51 = m_96;
    let e_98 = exp(z_70 - m_51);
    let e_99 = select(0.0, exp(d_87 - m_51), j + 1u < n_4);
    l_53 = l_53 * f_97 + e_98 + e_99;
    let m_100 = max(max(m_52, z_77), d_95);
    let f_101 = exp(m_52 - m_100);
    m_52 = m_100;
    let e_102 = exp(z_77 - m_52);
    let e_103 = select(0.0, exp(d_95 - m_52), j + 1u < n_4);
    l_54 = l_54 * f_101 + e_102 + e_103;
    let a_104 = b_18 + j * s_19;
    let x_105 = x3[a_104 + j_60];
    let a_106 = b_18 + j_61 * s_19;
    let x_107 = x3[a_106 + j_60];
    let e_108 = subgroupBroadcast(f_97, 0u);
    let e_109 = subgroupBroadcast(e_98, 0u);
    let e_110 = subgroupBroadcast(e_99, 0u);
    o_43 = fma(e_110, x_107, fma(e_109, x_105, o_43 * e_108));
    let e_111 = subgroupBroadcast(f_97, 1u);
    let e_112 = subgroupBroadcast(e_98, 1u);
    let e_113 = subgroupBroadcast(e_99, 1u);
    o_44 = fma(e_113, x_107, fma(e_112, x_105, o_44 * e_111));
    let e_114 = subgroupBroadcast(f_97, 2u);
    let e_115 = subgroupBroadcast(e_98, 2u);
    let e_116 = subgroupBroadcast(e_99, 2u);
    o_45 = fma(e_116, x_107, fma(e_115, x_105, o_45 * e_114));
    let e_117 = subgroupBroadcast(f_97, 3u);
    let e_118 = subgroupBroadcast(e_98, 3u);
    let e_119 = subgroupBroadcast(e_99, 3u);
    o_46 = fma(e_119, x_107, fma(e_118, x_105, o_46 * e_117));
    let e_120 = subgroupBroadcast(f_101, 0u);
    let e_121 = subgroupBroadcast(e_102, 0u);
    let e_122 = subgroupBroadcast(e_103, 0u);
    o_47 = fma(e_122, x_107, fma(e_121, x_105, o_47 * e_120));
    let e_123 = subgroupBroadcast(f_101, 1u);
    let e_124 = subgroupBroadcast(e_102, 1u);
    let e_125 = subgroupBroadcast(e_103, 1u);
    o_48 = fma(e_125, x_107, fma(e_124, x_105, o_48 * e_123));
    let e_126 = subgroupBroadcast(f_101, 2u);
    let e_127 = subgroupBroadcast(e_102, 2u);
    let e_128 = subgroupBroadcast(e_103, 2u);
    o_49 = fma(e_128, x_107, fma(e_127, x_105, o_49 * e_126));
    let e_129 = subgroupBroadcast(f_101, 3u);
    let e_130 = subgroupBroadcast(e_102, 3u);
    let e_131 = subgroupBroadcast(e_103, 3u);
    o_50 = fma(e_131, x_107, fma(e_130, x_105, o_50 * e_129));
  }
  var found = array<f32, 8>(o_43, o_44, o_45, o_46, o_47, o_48, o_49, o_50);
  var shares = array<f32, 2>(select(1.0 / l_53, bitcast<f32>(nan_bits), l_53 == 0.0), select(1.0 / l_54, bitcast<f32>(nan_bits), l_54 == 0.0));
  for (var i = 0u; i < min(8u, n_3 - n_7); i++) {
    let e_132 = subgroupShuffle(shares[i / 4u], i % 4u);
    let a_133 = b_20 + (n_7 + i) * s_21;
    for (var c = 0u; c < 1u; c++) {
      let j_134 = c * 4u + lane;
      if (j_134 < n_6) {
        x0[a_133 + j_134] = found[i * 1u + c] * e_132;
      }
    }
  }
}

