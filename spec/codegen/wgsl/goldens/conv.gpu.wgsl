// {"family":"Gemm","way":"shared","tile":{"down":4,"across":4,"rows":1,"wide":1,"slices":16,"deep":4}}
@group(0) @binding(0) var<uniform> p: array<vec4u, 8>;
@group(0) @binding(1) var<storage, read_write> x0: array<f32>;
@group(0) @binding(2) var<storage, read> x1: array<vec4f>;
@group(0) @binding(3) var<storage, read> x2: array<f32>;
@group(0) @binding(4) var<storage, read> x3: array<vec4f>;
var<workgroup> tile: array<vec4f, 324>;
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
  let d_17 = p[2].x;
  let d_18 = p[2].y;
  let q_19 = m_16 / d_18;
  let i_20 = m_16 - q_19 * d_18;
  let q_21 = q_19 / d_17;
  let i_22 = q_19 - q_21 * d_17;
  let j_23 = lid % 4u;
  let i_24 = (lid / 4u) % 4u;
  let z_25 = lid / 16u;
  var c_26 = vec4f();
  let s_27 = p[2].w;
  let s_28 = p[3].x;
  let b_29 = p[3].y;
  let b_30 = p[3].z;
  let d_31 = p[3].w;
  let d_32 = p[4].x;
  let h_33 = p[4].y;
  let h_34 = p[4].z;
  let s_35 = p[4].w;
  let s_36 = p[5].x;
  let s_37 = p[5].y;
  let a_38 = p[2].z;
  let a_39 = a_38 + q_21 * p[5].z;
  let y_40 = i_22 * s_27 - b_29;
  let x_41 = i_20 * s_28 - b_30;
  for (var k_42 = 0u; k_42 < p[5].w; k_42++) {
    for (var k_43 = 0u; k_43 < p[6].x; k_43++) {
      let y_44 = y_40 + k_42 * d_31;
      let x_45 = x_41 + k_43 * d_32;
      let v_46 = y_44 < h_33 && x_45 < h_34;
      let a_47 = select(a_38, a_39 + y_44 * s_35 + x_45 * s_36, v_46);
      for (var k_48 = 0u; k_48 < p[6].y; k_48++) {
        let t_49 = 1u;
        let a_50 = a_47 + k_48 * p[6].z;
        for (var k_51 = 0u; k_51 < t_49; k_51 += 64u) {
          let k_52 = k_51 + 4u * q_7;
          let v_53 = vec4u(k_52) + vec4u(0u, 1u, 2u, 3u) < vec4u(t_49);
          if (q_8 < 4u) {
            let a_54 = a_50 + k_52;
            let x_55 = select(vec4f(), select(vec4f(), vec4f(x2[a_54], x2[a_54 + 1u], x2[a_54 + 2u], x2[a_54 + 3u]), v_53), v_46);
            tile[(q_8) * 17u + q_7] = x_55;
          }
          let y_56 = select(vec4f(), x1[b_15 + (k_51 + 0u) * s_14], k_51 + q_10 < t_49);
          tile[68u + (q_10) * 4u + q_9] = y_56;
          workgroupBarrier();
          for (var q_57 = 0u; q_57 < 1u; q_57++) {
            let q_58 = z_25 * 1u + q_57;
            let x_59 = tile[(0u + i_24) * 17u + q_58];
            let q_60 = 68u + q_58 * 16u + j_23;
            let y_61 = tile[q_60 + 0u];
            c_26 = fma(vec4f(x_59.x), y_61, c_26);
            let y_62 = tile[q_60 + 4u];
            c_26 = fma(vec4f(x_59.y), y_62, c_26);
            let y_63 = tile[q_60 + 8u];
            c_26 = fma(vec4f(x_59.z), y_63, c_26);
            let y_64 = tile[q_60 + 12u];
            c_26 = fma(vec4f(x_59.w), y_64, c_26);
          }
          workgroupBarrier();
        }
        b_15 += t_49 * s_14;
      }
    }
  }
  for (var step = 8u; step > 0u; step >>= 1u) {
    if (z_25 >= step && z_25 < 2u * step) {
      tile[0u * 128u + (z_25 - step) * 16u + lid % 16u] = c_26;
    }
    workgroupBarrier();
    if (z_25 < step) {
      c_26 += tile[0u * 128u + z_25 * 16u + lid % 16u];
    }
    workgroupBarrier();
  }
  let n_65 = p[6].w;
  var all_66 = array<vec4f, 1>(c_26);
  if (z_25 == 0u) {
    for (var i_67 = 0u; i_67 < 1u; i_67++) {
      let m_70 = m_6 + i_67 * 4u + i_24;
      if (m_70 < m_5) {
        let m_71 = q_3 * m_5 + m_70;
        for (var j_68 = 0u; j_68 < 1u; j_68++) {
          let c_72 = all_66[i_67 * 1u + j_68];
          let n_73 = i_4 * 4u + j_23 + j_68 * 4u;
          let n_74 = n_73 * 4u;
          if (n_74 < n_65) {
            let t_75 = x3[(n_74) >> 2u];
            let t_76 = (c_72 + t_75);
            let t_77 = t_76;
            let a_78 = m_71 + n_74 * p[7].x;
            x0[a_78] = t_77.x;
            x0[a_78 + p[7].x] = t_77.y;
            x0[a_78 + 2u * p[7].x] = t_77.z;
            x0[a_78 + 3u * p[7].x] = t_77.w;
          }
        }
      }
    }
  }
}

