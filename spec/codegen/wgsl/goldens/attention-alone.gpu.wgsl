// {"family":"PlainAttention","way":"alone","tile":{"lanes":1,"queries":4,"keys":1}}
@group(0) @binding(0) var<uniform> p: array<vec4u, 4>;
@group(0) @binding(1) var<storage, read_write> x0: array<f32>;
@group(0) @binding(2) var<storage, read> x1: array<f32>;
@group(0) @binding(3) var<storage, read> x2: array<f32>;
@group(0) @binding(4) var<storage, read> x3: array<f32>;
var<private> nan_bits = 0x7fc00000u;
@compute @workgroup_size(32, 1, 1)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let w_0 = (wg.y * nwg.x + wg.x);
  if (w_0 >= p[0].x) { return; }
  let q_1 = w_0 / p[0].y;
  let i_2 = w_0 - q_1 * p[0].y;
  let n_3 = p[0].z;
  let n_4 = p[0].w;
  let n_5 = p[1].x;
  let n_6 = p[1].y;
  let n_7 = i_2 * 128u;
  let b_8 = p[1].z;
  let s_9 = p[1].w;
  let b_10 = p[2].x;
  let s_11 = p[2].y;
  let b_12 = p[2].z;
  let s_13 = p[2].w;
  let b_14 = p[3].x;
  let s_15 = p[3].y;
  let c_16 = bitcast<f32>(p[3].z);
  var asked: array<f32, 16>;
  for (var i = 0u; i < 4u; i++) {
    let r_17 = min(n_7 + i * 32u + lid, n_3 - 1u);
    let a_18 = b_8 + r_17 * s_9;
    for (var c = 0u; c < 4u; c++) {
      asked[i * 4u + c] = x1[a_18 + c] * c_16;
    }
  }
  let q_19 = asked[0];
  let q_20 = asked[1];
  let q_21 = asked[2];
  let q_22 = asked[3];
  let q_23 = asked[4];
  let q_24 = asked[5];
  let q_25 = asked[6];
  let q_26 = asked[7];
  let q_27 = asked[8];
  let q_28 = asked[9];
  let q_29 = asked[10];
  let q_30 = asked[11];
  let q_31 = asked[12];
  let q_32 = asked[13];
  let q_33 = asked[14];
  let q_34 = asked[15];
  var o_35 = 0.0;
  var o_36 = 0.0;
  var o_37 = 0.0;
  var o_38 = 0.0;
  var o_39 = 0.0;
  var o_40 = 0.0;
  var o_41 = 0.0;
  var o_42 = 0.0;
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
  var m_53 = -0x1.fffffep+127f;
  var m_54 = -0x1.fffffep+127f;
  var l_55 = 0.0;
  var l_56 = 0.0;
  var l_57 = 0.0;
  var l_58 = 0.0;
  let r_59 = min(n_7 + 0u * 32u + lid, n_3 - 1u);
  let r_60 = min(n_7 + 1u * 32u + lid, n_3 - 1u);
  let r_61 = min(n_7 + 2u * 32u + lid, n_3 - 1u);
  let r_62 = min(n_7 + 3u * 32u + lid, n_3 - 1u);
  for (var j = 0u; j < n_4; j += 1u) {
    var p_63 = 0.0;
    var p_64 = 0.0;
    var p_65 = 0.0;
    var p_66 = 0.0;
    let a_67 = b_10 + j * s_11;
    let x_68 = x2[a_67 + 0u];
    p_63 = fma(q_19, x_68, p_63); p_64 = fma(q_23, x_68, p_64); p_65 = fma(q_27, x_68, p_65); p_66 = fma(q_31, x_68, p_66);
    let x_69 = x2[a_67 + 1u];
    p_63 = fma(q_20, x_69, p_63); p_64 = fma(q_24, x_69, p_64); p_65 = fma(q_28, x_69, p_65); p_66 = fma(q_32, x_69, p_66);
    let x_70 = x2[a_67 + 2u];
    p_63 = fma(q_21, x_70, p_63); p_64 = fma(q_25, x_70, p_64); p_65 = fma(q_29, x_70, p_65); p_66 = fma(q_33, x_70, p_66);
    let x_71 = x2[a_67 + 3u];
    p_63 = fma(q_22, x_71, p_63); p_64 = fma(q_26, x_71, p_64); p_65 = fma(q_30, x_71, p_65); p_66 = fma(q_34, x_71, p_66);
    let m_72 = max(m_51, p_63);
    let f_73 = exp(m_51 - m_72);
    m_51 = m_72;
    let e_74 = exp(p_63 - m_72);
    l_55 = l_55 * f_73 + e_74;
    o_35 *= f_73; o_36 *= f_73; o_37 *= f_73; o_38 *= f_73;
    let m_75 = max(m_52, p_64);
    let f_76 = exp(m_52 - m_75);
    m_52 = m_75;
    let e_77 = exp(p_64 - m_75);
    l_56 = l_56 * f_76 + e_77;
    o_39 *= f_76; o_40 *= f_76; o_41 *= f_76; o_42 *= f_76;
    let m_78 = max(m_53, p_65);
    let f_79 = exp(m_53 - m_78);
    m_53 = m_78;
    let e_80 = exp(p_65 - m_78);
    l_57 = l_57 * f_79 + e_80;
    o_43 *= f_79; o_44 *= f_79; o_45 *= f_79; o_46 *= f_79;
    let m_81 = max(m_54, p_66);
    let f_82 = exp(m_54 - m_81);
    m_54 = m_81;
    let e_83 = exp(p_66 - m_81);
    l_58 = l_58 * f_82 + e_83;
    o_47 *= f_82; o_48 *= f_82; o_49 *= f_82; o_50 *= f_82;
    let a_84 = b_12 + j * s_13;
    let x_85 = x3[a_84 + 0u];
    o_35 = fma(e_74, x_85, o_35); o_39 = fma(e_77, x_85, o_39); o_43 = fma(e_80, x_85, o_43); o_47 = fma(e_83, x_85, o_47);
    let x_86 = x3[a_84 + 1u];
    o_36 = fma(e_74, x_86, o_36); o_40 = fma(e_77, x_86, o_40); o_44 = fma(e_80, x_86, o_44); o_48 = fma(e_83, x_86, o_48);
    let x_87 = x3[a_84 + 2u];
    o_37 = fma(e_74, x_87, o_37); o_41 = fma(e_77, x_87, o_41); o_45 = fma(e_80, x_87, o_45); o_49 = fma(e_83, x_87, o_49);
    let x_88 = x3[a_84 + 3u];
    o_38 = fma(e_74, x_88, o_38); o_42 = fma(e_77, x_88, o_42); o_46 = fma(e_80, x_88, o_46); o_50 = fma(e_83, x_88, o_50);
  }
  var found = array<f32, 16>(o_35, o_36, o_37, o_38, o_39, o_40, o_41, o_42, o_43, o_44, o_45, o_46, o_47, o_48, o_49, o_50);
  var shares = array<f32, 4>(select(1.0 / l_55, bitcast<f32>(nan_bits), l_55 == 0.0), select(1.0 / l_56, bitcast<f32>(nan_bits), l_56 == 0.0), select(1.0 / l_57, bitcast<f32>(nan_bits), l_57 == 0.0), select(1.0 / l_58, bitcast<f32>(nan_bits), l_58 == 0.0));
  for (var i = 0u; i < 4u; i++) {
    let r_89 = n_7 + i * 32u + lid;
    if (r_89 < n_3) {
      let a_90 = b_14 + r_89 * s_15;
      for (var c = 0u; c < 4u; c++) {
        x0[a_90 + c] = found[i * 4u + c] * shares[i];
      }
    }
  }
}

