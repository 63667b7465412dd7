// {"family":"PlainAttention","way":"lanes","tile":{"lanes":8,"queries":8,"keys":2}}
enable subgroups;
@group(0) @binding(0) var<uniform> p: array<vec4u, 6>;
@group(0) @binding(1) var<storage, read_write> x0: array<f32>;
@group(0) @binding(2) var<storage, read> x1: array<f32>;
@group(0) @binding(3) var<storage, read> x2: array<f32>;
@group(0) @binding(4) var<storage, read> x3: array<f32>;
@group(0) @binding(5) var<storage, read> x4: array<f32>;
@group(0) @binding(6) var<storage, read> x5: array<f32>;
var<private> nan_bits = 0x7fc00000u;
@compute @workgroup_size(8, 1, 1)
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
      let j_31 = c * 8u + lane;
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
  var l_52 = 0.0;
  let u_53 = (lane & 1u) != 0u;
  let u_54 = (lane & 2u) != 0u;
  let u_55 = (lane & 4u) != 0u;
  let r_56 = min(n_7 + 0u + lane, n_3 - 1u);
  let j_57 = 0u + lane;
  let j_58 = 0u + lane;
  let u_59 = 0u + lane < n_5;
  for (var j = 0u; j < n_4; j += 2u) {
    let j_60 = min(j + 1u, n_4 - 1u);
    let a_61 = b_16 + j * s_17;
    let x_62 = select(0.0, x2[a_61 + j_57], u_59);
    let p_63 = q_35 * x_62;
    let p_64 = q_36 * x_62;
    let p_65 = q_37 * x_62;
    let p_66 = q_38 * x_62;
    let p_67 = q_39 * x_62;
    let p_68 = q_40 * x_62;
    let p_69 = q_41 * x_62;
    let p_70 = q_42 * x_62;
    let z_71 = select(p_63, p_67, u_55) + subgroupShuffleXor(select(p_67, p_63, u_55), 4u);
    let z_72 = select(p_64, p_68, u_55) + subgroupShuffleXor(select(p_68, p_64, u_55), 4u);
    let z_73 = select(p_65, p_69, u_55) + subgroupShuffleXor(select(p_69, p_65, u_55), 4u);
    let z_74 = select(p_66, p_70, u_55) + subgroupShuffleXor(select(p_70, p_66, u_55), 4u);
    let z_75 = select(z_71, z_73, u_54) + subgroupShuffleXor(select(z_73, z_71, u_54), 2u);
    let z_76 = select(z_72, z_74, u_54) + subgroupShuffleXor(select(z_74, z_72, u_54), 2u);
    let z_77 = select(z_75, z_76, u_53) + subgroupShuffleXor(select(z_76, z_75, u_53), 1u);
    let a_78 = b_16 + j_60 * s_17;
    let x_79 = select(0.0, x2[a_78 + j_57], u_59);
    let p_80 = q_35 * x_79;
    let p_81 = q_36 * x_79;
    let p_82 = q_37 * x_79;
    let p_83 = q_38 * x_79;
    let p_84 = q_39 * x_79;
    let p_85 = q_40 * x_79;
    let p_86 = q_41 * x_79;
    let p_87 = q_42 * x_79;
    let z_88 = select(p_80, p_84, u_55) + subgroupShuffleXor(select(p_84, p_80, u_55), 4u);
    let z_89 = select(p_81, p_85, u_55) + subgroupShuffleXor(select(p_85, p_81, u_55), 4u);
    let z_90 = select(p_82, p_86, u_55) + subgroupShuffleXor(select(p_86, p_82, u_55), 4u);
    let z_91 = select(p_83, p_87, u_55) + subgroupShuffleXor(select(p_87, p_83, u_55), 4u);
    let z_92 = select(z_88, z_90, u_54) + subgroupShuffleXor(select(z_90, z_88, u_54), 2u);
    let z_93 = select(z_89, z_91, u_54) + subgroupShuffleXor(select(z_91, z_89, u_54), 2u);
    let z_94 = select(z_92, z_93, u_53) + subgroupShuffleXor(select(z_93, z_92, u_53), 1u);
    let d_95 = select(-0x1.fffffep+127f, z_94, j + 1u < n_4);
    let m_96 = max(max(m_51, z_77), d_95);
    let f_97 = exp(m_51 - m_96);
    m_51 = m_96;
    let e_98 = exp(z_77 - m_51);
    let e_99 = select(0.0, exp(d_95 - m_51), j + 1u < n_4);
    l_52 = l_52 * f_97 + e_98 + e_99;
    let a_100 = b_18 + j * s_19;
    let x_101 = x3[a_100 + j_58];
    let a_102 = b_18 + j_60 * s_19;
    let x_103 = x3[a_102 + j_58];
    let e_104 = subgroupBroadcast(f_97, 0u);
    let e_105 = subgroupBroadcast(e_98, 0u);
    let e_106 = subgroupBroadcast(e_99, 0u);
    o_43 = fma(e_106, x_103, fma(e_105, x_101, o_43 * e_104));
    let e_107 = subgroupBroadcast(f_97, 1u);
    let e_108 = subgroupBroadcast(e_98, 1u);
    let e_109 = subgroupBroadcast(e_99, 1u);
    o_44 = fma(e_109, x_103, fma(e_108, x_101, o_44 * e_107));
    let e_110 = subgroupBroadcast(f_97, 2u);
    let e_111 = subgroupBroadcast(e_98, 2u);
    let e_112 = subgroupBroadcast(e_99, 2u);
    o_45 = fma(e_112, x_103, fma(e_111, x_101, o_45 * e_110));
    let e_113 = subgroupBroadcast(f_97, 3u);
    let e_114 = subgroupBroadcast(e_98, 3u);
    let e_115 = subgroupBroadcast(e_99, 3u);
    o_46 = fma(e_115, x_103, fma(e_114, x_101, o_46 * e_113));
    let e_116 = subgroupBroadcast(f_97, 4u);
    let e_117 = subgroupBroadcast(e_98, 4u);
    let e_118 = subgroupBroadcast(e_99, 4u);
    o_47 = fma(e_118, x_103, fma(e_117, x_101, o_47 * e_116));
    let e_119 = subgroupBroadcast(f_97, 5u);
    let e_120 = subgroupBroadcast(e_98, 5u);
    let e_121 = subgroupBroadcast(e_99, 5u);
    o_48 = fma(e_121, x_103, fma(e_120, x_101, o_48 * e_119));
    let e_122 = subgroupBroadcast(f_97, 6u);
    let e_123 = subgroupBroadcast(e_98, 6u);
    let e_124 = subgroupBroadcast(e_99, 6u);
    o_49 = fma(e_124, x_103, fma(e_123, x_101, o_49 * e_122));
    let e_125 = subgroupBroadcast(f_97, 7u);
    let e_126 = subgroupBroadcast(e_98, 7u);
    let e_127 = subgroupBroadcast(e_99, 7u);
    o_50 = fma(e_127, x_103, fma(e_126, x_101, o_50 * e_125));
  }
  var found = array<f32, 8>(o_43, o_44, o_45, o_46, o_47, o_48, o_49, o_50);
  var shares = array<f32, 1>(select(1.0 / l_52, bitcast<f32>(nan_bits), l_52 == 0.0));
  for (var i = 0u; i < min(8u, n_3 - n_7); i++) {
    let e_128 = subgroupShuffle(shares[i / 8u], i % 8u);
    let a_129 = b_20 + (n_7 + i) * s_21;
    for (var c = 0u; c < 1u; c++) {
      let j_130 = c * 8u + lane;
      if (j_130 < n_6) {
        x0[a_129 + j_130] = found[i * 1u + c] * e_128;
      }
    }
  }
}

