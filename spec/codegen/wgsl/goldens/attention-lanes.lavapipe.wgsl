// {"family":"PlainAttention","way":"lanes","tile":{"lanes":8,"queries":8,"keys":2}}
enable subgroups;
@group(0) @binding(0) var<uniform> p: array<vec4u, 4>;
@group(0) @binding(1) var<storage, read_write> x0: array<f32>;
@group(0) @binding(2) var<storage, read> x1: array<f32>;
@group(0) @binding(3) var<storage, read> x2: array<f32>;
@group(0) @binding(4) var<storage, read> x3: array<f32>;
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
  let b_14 = p[3].x;
  let s_15 = p[3].y;
  let c_16 = bitcast<f32>(p[3].z);
  var asked: array<f32, 8>;
  for (var i = 0u; i < 8u; i++) {
    let r_17 = min(n_7 + i, n_3 - 1u);
    let a_18 = b_8 + r_17 * s_9;
    for (var c = 0u; c < 1u; c++) {
      let j_19 = c * 8u + lane;
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
  var l_37 = 0.0;
  let u_38 = (lane & 1u) != 0u;
  let u_39 = (lane & 2u) != 0u;
  let u_40 = (lane & 4u) != 0u;
  let r_41 = min(n_7 + 0u + lane, n_3 - 1u);
  let j_42 = 0u + lane;
  let j_43 = 0u + lane;
  let u_44 = 0u + lane < n_5;
  for (var j = 0u; j < n_4; j += 2u) {
    let j_45 = min(j + 1u, n_4 - 1u);
    let a_46 = b_10 + j * s_11;
    let x_47 = select(0.0, x2[a_46 + j_42], u_44);
    let p_48 = q_20 * x_47;
    let p_49 = q_21 * x_47;
    let p_50 = q_22 * x_47;
    let p_51 = q_23 * x_47;
    let p_52 = q_24 * x_47;
    let p_53 = q_25 * x_47;
    let p_54 = q_26 * x_47;
    let p_55 = q_27 * x_47;
    let z_56 = select(p_48, p_52, u_40) + subgroupShuffleXor(select(p_52, p_48, u_40), 4u);
    let z_57 = select(p_49, p_53, u_40) + subgroupShuffleXor(select(p_53, p_49, u_40), 4u);
    let z_58 = select(p_50, p_54, u_40) + subgroupShuffleXor(select(p_54, p_50, u_40), 4u);
    let z_59 = select(p_51, p_55, u_40) + subgroupShuffleXor(select(p_55, p_51, u_40), 4u);
    let z_60 = select(z_56, z_58, u_39) + subgroupShuffleXor(select(z_58, z_56, u_39), 2u);
    let z_61 = select(z_57, z_59, u_39) + subgroupShuffleXor(select(z_59, z_57, u_39), 2u);
    let z_62 = select(z_60, z_61, u_38) + subgroupShuffleXor(select(z_61, z_60, u_38), 1u);
    let a_63 = b_10 + j_45 * s_11;
    let x_64 = select(0.0, x2[a_63 + j_42], u_44);
    let p_65 = q_20 * x_64;
    let p_66 = q_21 * x_64;
    let p_67 = q_22 * x_64;
    let p_68 = q_23 * x_64;
    let p_69 = q_24 * x_64;
    let p_70 = q_25 * x_64;
    let p_71 = q_26 * x_64;
    let p_72 = q_27 * x_64;
    let z_73 = select(p_65, p_69, u_40) + subgroupShuffleXor(select(p_69, p_65, u_40), 4u);
    let z_74 = select(p_66, p_70, u_40) + subgroupShuffleXor(select(p_70, p_66, u_40), 4u);
    let z_75 = select(p_67, p_71, u_40) + subgroupShuffleXor(select(p_71, p_67, u_40), 4u);
    let z_76 = select(p_68, p_72, u_40) + subgroupShuffleXor(select(p_72, p_68, u_40), 4u);
    let z_77 = select(z_73, z_75, u_39) + subgroupShuffleXor(select(z_75, z_73, u_39), 2u);
    let z_78 = select(z_74, z_76, u_39) + subgroupShuffleXor(select(z_76, z_74, u_39), 2u);
    let z_79 = select(z_77, z_78, u_38) + subgroupShuffleXor(select(z_78, z_77, u_38), 1u);
    let d_80 = select(-0x1.fffffep+127f, z_79, j + 1u < n_4);
    let m_81 = max(max(m_36, z_62), d_80);
    let f_82 = exp(m_36 - m_81);
    m_36 = m_81;
    let e_83 = exp(z_62 - m_36);
    let e_84 = select(0.0, exp(d_80 - m_36), j + 1u < n_4);
    l_37 = l_37 * f_82 + e_83 + e_84;
    let a_85 = b_12 + j * s_13;
    let x_86 = x3[a_85 + j_43];
    let a_87 = b_12 + j_45 * s_13;
    let x_88 = x3[a_87 + j_43];
    let e_89 = subgroupBroadcast(f_82, 0u);
    let e_90 = subgroupBroadcast(e_83, 0u);
    let e_91 = subgroupBroadcast(e_84, 0u);
    o_28 = fma(e_91, x_88, fma(e_90, x_86, o_28 * e_89));
    let e_92 = subgroupBroadcast(f_82, 1u);
    let e_93 = subgroupBroadcast(e_83, 1u);
    let e_94 = subgroupBroadcast(e_84, 1u);
    o_29 = fma(e_94, x_88, fma(e_93, x_86, o_29 * e_92));
    let e_95 = subgroupBroadcast(f_82, 2u);
    let e_96 = subgroupBroadcast(e_83, 2u);
    let e_97 = subgroupBroadcast(e_84, 2u);
    o_30 = fma(e_97, x_88, fma(e_96, x_86, o_30 * e_95));
    let e_98 = subgroupBroadcast(f_82, 3u);
    let e_99 = subgroupBroadcast(e_83, 3u);
    let e_100 = subgroupBroadcast(e_84, 3u);
    o_31 = fma(e_100, x_88, fma(e_99, x_86, o_31 * e_98));
    let e_101 = subgroupBroadcast(f_82, 4u);
    let e_102 = subgroupBroadcast(e_83, 4u);
    let e_103 = subgroupBroadcast(e_84, 4u);
    o_32 = fma(e_103, x_88, fma(e_102, x_86, o_32 * e_101));
    let e_104 = subgroupBroadcast(f_82, 5u);
    let e_105 = subgroupBroadcast(e_83, 5u);
    let e_106 = subgroupBroadcast(e_84, 5u);
    o_33 = fma(e_106, x_88, fma(e_105, x_86, o_33 * e_104));
    let e_107 = subgroupBroadcast(f_82, 6u);
    let e_108 = subgroupBroadcast(e_83, 6u);
    let e_109 = subgroupBroadcast(e_84, 6u);
    o_34 = fma(e_109, x_88, fma(e_108, x_86, o_34 * e_107));
    let e_110 = subgroupBroadcast(f_82, 7u);
    let e_111 = subgroupBroadcast(e_83, 7u);
    let e_112 = subgroupBroadcast(e_84, 7u);
    o_35 = fma(e_112, x_88, fma(e_111, x_86, o_35 * e_110));
  }
  var found = array<f32, 8>(o_28, o_29, o_30, o_31, o_32, o_33, o_34, o_35);
  var shares = array<f32, 1>(select(1.0 / l_37, bitcast<f32>(nan_bits), l_37 == 0.0));
  for (var i = 0u; i < min(8u, n_3 - n_7); i++) {
    let e_113 = subgroupShuffle(shares[i / 8u], i % 8u);
    let a_114 = b_14 + (n_7 + i) * s_15;
    for (var c = 0u; c < 1u; c++) {
      let j_115 = c * 8u + lane;
      if (j_115 < n_6) {
        x0[a_114 + j_115] = found[i * 1u + c] * e_113;
      }
    }
  }
}

