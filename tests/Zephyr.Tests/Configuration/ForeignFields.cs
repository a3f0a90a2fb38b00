namespace Zephyr.Tests.Configuration;

/// <summary>A class of options of another program, with the names of its fields over all its versions.</summary>
/// <param name="Name">As it is called there.</param>
/// <param name="About">Where it is from, for the documentation.</param>
/// <param name="Stages">The commands whose recipes can hold it.</param>
/// <param name="Fields">The names.</param>
internal sealed record ForeignClass(string Name, string About, string[] Stages, string[] Fields);

/// <summary>The fields of TRL 0.7 to 1.9, transformers 4.35 to 5 and the alignment-handbook 0.2, 0.3 and 2025. A class's inherited fields are with its base.</summary>
internal static class ForeignFields
{
    private static readonly string[] Both = ["sft", "dpo"];

    public static IReadOnlyList<ForeignClass> All =>
    [
        new("SFTConfig", "TRL; up to 0.8 these were arguments of SFTTrainer", ["sft"], Words("""
            dataset_text_field packing max_seq_length dataset_num_proc dataset_batch_size neftune_noise_alpha model_init_kwargs dataset_kwargs eval_packing
            num_of_sequences chars_per_token use_liger learning_rate max_length padding_free pad_token eos_token completion_only_loss pad_to_multiple_of
            activation_offloading logging_steps bf16 average_tokens_across_devices chat_template_path packing_strategy assistant_only_loss
            gradient_checkpointing loss_type lr_scheduler_kwargs shuffle_dataset truncation_mode router_aux_loss_coef trust_remote_code
            """)),
        new("DPOConfig", "TRL; up to 0.8 these were arguments of DPOTrainer", ["dpo"], Words("""
            beta label_smoothing loss_type label_pad_token_id padding_value truncation_mode max_length max_prompt_length max_target_length is_encoder_decoder
            disable_dropout generate_during_eval precompute_ref_log_probs dataset_num_proc model_init_kwargs ref_model_init_kwargs model_adapter_name
            ref_adapter_name reference_free force_use_ref_model sync_ref_model ref_model_mixup_alpha ref_model_sync_steps rpo_alpha f_divergence_type
            f_alpha_divergence_coef max_completion_length learning_rate use_weighting precompute_ref_batch_size discopop_tau use_num_logits_to_keep
            padding_free tools use_logits_to_keep ld_alpha logging_steps bf16 use_liger_loss base_model_attribute_name loss_weights gradient_checkpointing
            pad_token lr_scheduler_kwargs pad_to_multiple_of activation_offloading trust_remote_code router_aux_loss_coef
            """)),
        new("ModelConfig", "TRL", Both, Words("""
            model_name_or_path model_revision torch_dtype dtype trust_remote_code attn_implementation use_peft lora_r lora_alpha lora_dropout
            lora_target_modules lora_target_parameters lora_modules_to_save lora_task_type use_rslora use_dora load_in_8bit load_in_4bit
            bnb_4bit_quant_type use_bnb_nested_quant bnb_4bit_quant_storage
            """)),
        new("BitsAndBytesConfig", "transformers, as far as it concerns 4 bits", Both,
            Words("load_in_8bit load_in_4bit bnb_4bit_quant_type bnb_4bit_use_double_quant bnb_4bit_compute_dtype bnb_4bit_quant_storage")),
        new("ScriptArguments", "TRL, with DatasetMixtureConfig", Both, Words("""
            dataset_name dataset_config dataset_train_split dataset_test_split dataset_streaming config gradient_checkpointing_use_reentrant sanity_check
            ignore_bias_buffers datasets streaming
            """)),
        new("ModelArguments, DataArguments and ScriptArguments", "alignment-handbook 0.2, 0.3 and 2025", Both, Words("""
            base_model_revision model_name_or_path model_revision model_code_revision torch_dtype tokenizer_name_or_path trust_remote_code
            attn_implementation use_flash_attention_2 use_peft lora_r lora_alpha lora_dropout lora_target_modules lora_modules_to_save load_in_8bit
            load_in_4bit bnb_4bit_quant_type use_bnb_nested_quant bnb_4bit_quant_storage chat_template dataset_mixer text_column dataset_splits
            dataset_configs max_train_samples max_eval_samples preprocessing_num_workers truncation_side auto_insert_empty_system_msg dataset_mixture
            hub_model_revision logging_first_step optim remove_unused_columns
            """)),
        new("TrainingArguments", "transformers", Both, Words("""
            output_dir overwrite_output_dir do_train do_eval do_predict eval_strategy evaluation_strategy prediction_loss_only per_device_train_batch_size
            per_device_eval_batch_size per_gpu_train_batch_size per_gpu_eval_batch_size gradient_accumulation_steps eval_accumulation_steps eval_delay
            torch_empty_cache_steps learning_rate weight_decay adam_beta1 adam_beta2 adam_epsilon max_grad_norm num_train_epochs max_steps
            lr_scheduler_type lr_scheduler_kwargs warmup_ratio warmup_steps log_level log_level_replica log_on_each_node logging_dir logging_strategy
            logging_first_step logging_steps logging_nan_inf_filter save_strategy save_steps save_total_limit save_safetensors save_on_each_node
            save_only_model restore_callback_states_from_checkpoint no_cuda use_cpu use_mps_device seed data_seed jit_mode_eval use_ipex bf16 fp16
            fp16_opt_level half_precision_backend bf16_full_eval fp16_full_eval tf32 local_rank ddp_backend tpu_num_cores tpu_metrics_debug debug
            dataloader_drop_last eval_steps dataloader_num_workers dataloader_prefetch_factor past_index run_name disable_tqdm remove_unused_columns
            label_names load_best_model_at_end metric_for_best_model greater_is_better ignore_data_skip sharded_ddp tp_size fsdp fsdp_min_num_params fsdp_config
            fsdp_transformer_layer_cls_to_wrap accelerator_config parallelism_config deepspeed label_smoothing_factor optim optim_args adafactor
            group_by_length length_column_name train_sampling_strategy report_to project trackio_space_id ddp_find_unused_parameters ddp_bucket_cap_mb
            ddp_broadcast_buffers ddp_timeout dataloader_pin_memory dataloader_persistent_workers skip_memory_metrics use_legacy_prediction_loop
            push_to_hub resume_from_checkpoint hub_model_id hub_strategy hub_token hub_private_repo hub_always_push hub_revision gradient_checkpointing
            gradient_checkpointing_kwargs include_inputs_for_metrics include_for_metrics eval_do_concat_batches fp16_backend push_to_hub_model_id
            push_to_hub_organization push_to_hub_token mp_parameters auto_find_batch_size full_determinism torchdynamo ray_scope torch_compile
            torch_compile_backend torch_compile_mode dispatch_batches split_batches include_tokens_per_second include_num_input_tokens_seen
            neftune_noise_alpha optim_target_modules batch_eval_metrics eval_on_start use_liger_kernel liger_kernel_config eval_use_gather_object
            average_tokens_across_devices use_cache enable_jit_checkpoint xpu_backend
            """)),
    ];

    private static string[] Words(string text) => text.Split((char[])[' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries);
}
