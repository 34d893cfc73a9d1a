namespace PatchDpo.Fuzz.Configurations;

/// <summary>Fields that the readers know and the small models' configurations leave out, each with a value that is sound there.</summary>
internal static class ConfigurationFields
{
    public static readonly IReadOnlyDictionary<string, string> UNet = new Dictionary<string, string>
    {
        ["center_input_sample"] = "false", ["flip_sin_to_cos"] = "true", ["freq_shift"] = "0", ["mid_block_type"] = "\"UNetMidBlock2DCrossAttn\"", ["downsample_padding"] = "1",
        ["mid_block_scale_factor"] = "1", ["dropout"] = "0", ["act_fn"] = "\"silu\"", ["norm_eps"] = "1e-5", ["reverse_transformer_layers_per_block"] = "[1, 1]", ["upcast_attention"] = "false",
        ["time_embedding_dim"] = "32", ["time_embedding_act_fn"] = "null", ["timestep_post_act"] = "null", ["conv_in_kernel"] = "3", ["conv_out_kernel"] = "3", ["class_embed_type"] = "null",
        ["num_class_embeds"] = "null", ["encoder_hid_dim"] = "null", ["encoder_hid_dim_type"] = "null", ["time_cond_proj_dim"] = "null", ["cross_attention_norm"] = "null", ["num_attention_heads"] = "null",
        ["dual_cross_attention"] = "false", ["only_cross_attention"] = "false", ["resnet_time_scale_shift"] = "\"default\"", ["time_embedding_type"] = "\"positional\"", ["attention_type"] = "\"default\"",
    };

    public static readonly IReadOnlyDictionary<string, string> Vae = new Dictionary<string, string>
    {
        ["in_channels"] = "3", ["out_channels"] = "3", ["act_fn"] = "\"silu\"", ["shift_factor"] = "null", ["latents_mean"] = "null", ["latents_std"] = "null", ["use_quant_conv"] = "true",
        ["use_post_quant_conv"] = "true", ["mid_block_add_attention"] = "true", ["sample_size"] = "32", ["force_upcast"] = "true",
    };

    public static readonly IReadOnlyDictionary<string, string> Scheduler = new Dictionary<string, string>
    {
        ["algorithm_type"] = "\"dpmsolver++\"", ["solver_order"] = "2", ["solver_type"] = "\"midpoint\"", ["trained_betas"] = "null", ["rescale_betas_zero_snr"] = "false", ["clip_sample_range"] = "1",
        ["thresholding"] = "false", ["dynamic_thresholding_ratio"] = "0.995", ["sample_max_value"] = "1", ["use_karras_sigmas"] = "false", ["use_exponential_sigmas"] = "false", ["use_beta_sigmas"] = "false",
        ["use_lu_lambdas"] = "false", ["interpolation_type"] = "\"linear\"", ["lower_order_final"] = "true", ["euler_at_final"] = "false", ["final_sigmas_type"] = "\"zero\"", ["lambda_min_clipped"] = "-5.1",
        ["timestep_type"] = "\"discrete\"", ["sigma_min"] = "null", ["sigma_max"] = "null",
    };

    public static readonly IReadOnlyDictionary<string, string> Clip = new Dictionary<string, string> { ["num_channels"] = "3", ["layer_norm_eps"] = "1e-5",
        ["attention_dropout"] = "0.0" };

    public static readonly IReadOnlyDictionary<string, string> Tokenizer = new Dictionary<string, string> { ["add_prefix_space"] = "false",
        ["do_lower_case"] = "true", ["tokenizer_class"] = "\"CLIPTokenizer\"" };

    public static readonly IReadOnlyDictionary<string, string> Vit = new Dictionary<string, string>
    {
        ["architectures"] = "[\"ViTModel\"]", ["mlp_ratio"] = "4", ["layerscale_value"] = "1.0", ["num_register_tokens"] = "0", ["use_swiglu_ffn"] = "false", ["qkv_bias"] = "true", ["projection_dim"] = "6",
    };
}
