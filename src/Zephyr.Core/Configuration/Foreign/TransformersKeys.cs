using static Zephyr.Configuration.Foreign.ForeignKey;

namespace Zephyr.Configuration.Foreign;

/// <summary>transformers' TrainingArguments, versions 4.35 to 5, as far as they are not keys of ours.</summary>
internal static class TransformersKeys
{
    public static IEnumerable<ForeignKey> All => [.. Hub, .. Logging, .. Evaluation, .. Checkpoints, .. Devices, .. Speed, .. Refusals, .. Translations];

    private static IEnumerable<ForeignKey> Hub => Ignore("nothing is uploaded, the output folder is the result",
        "push_to_hub", "hub_model_id", "hub_strategy", "hub_token", "hub_private_repo", "hub_always_push", "hub_revision",
        "push_to_hub_model_id", "push_to_hub_organization", "push_to_hub_token");

    private static IEnumerable<ForeignKey> Logging =>
    [
        .. Ignore("--quiet and --verbose say how much is told", "log_level", "log_level_replica", "log_on_each_node", "disable_tqdm"),
        .. Ignore("metrics are written every logging_steps", "logging_strategy", "logging_first_step"),
        .. Ignore("on_nonfinite says what a step does that is not finite", "logging_nan_inf_filter", "debug"),
        .. Ignore("it names the run for online services, which are not reported to", "run_name", "project", "trackio_space_id"),
        .. Ignore("tokens, tokens a second and memory are always written",
            "include_tokens_per_second", "include_num_input_tokens_seen", "skip_memory_metrics", "tpu_metrics_debug"),
    ];

    private static IEnumerable<ForeignKey> Evaluation =>
    [
        .. Ignore("the command says what is done, and eval_strategy when it is evaluated", "do_train", "do_eval", "do_predict", "eval_delay"),
        .. Ignore("evaluation keeps sums of the metrics and no predictions",
            "prediction_loss_only", "eval_accumulation_steps", "eval_do_concat_batches", "eval_use_gather_object", "batch_eval_metrics",
            "include_for_metrics", "include_inputs_for_metrics", "label_names", "past_index", "jit_mode_eval", "use_legacy_prediction_loop"),
        .. Ignore("evaluation runs in the precision of training", "bf16_full_eval", "fp16_full_eval"),
    ];

    private static IEnumerable<ForeignKey> Checkpoints =>
    [
        .. Ignore("a checkpoint always holds all that resuming needs", "save_only_model", "save_on_each_node"),
        .. Ignore("an interrupted run always saves a checkpoint", "enable_jit_checkpoint"),
        .. Ignore("a resumed run goes on with the very row it stopped at", "ignore_data_skip", "restore_callback_states_from_checkpoint"),
    ];

    private static IEnumerable<ForeignKey> Devices => Ignore("one process trains on one device",
        "local_rank", "ddp_backend", "ddp_find_unused_parameters", "ddp_bucket_cap_mb", "ddp_broadcast_buffers", "ddp_timeout", "sharded_ddp", "tp_size",
        "fsdp", "fsdp_config", "fsdp_min_num_params", "fsdp_transformer_layer_cls_to_wrap", "deepspeed", "accelerator_config",
        "parallelism_config", "mp_parameters", "tpu_num_cores", "xpu_backend", "ray_scope", "dispatch_batches", "split_batches",
        "average_tokens_across_devices");

    private static IEnumerable<ForeignKey> Speed =>
    [
        .. Ignore("it concerns speed only, and the kernels here are fixed", "torch_compile", "torch_compile_backend", "torch_compile_mode", "torchdynamo",
            "use_ipex", "use_liger_kernel", "liger_kernel_config"),
        .. Ignore("it concerns memory only and changes no number", "gradient_checkpointing_kwargs", "torch_empty_cache_steps", "use_cache"),
        .. Ignore("batches are made from tokens in memory",
            "dataloader_num_workers", "dataloader_pin_memory", "dataloader_persistent_workers", "dataloader_prefetch_factor"),
        .. Ignore("only the columns that are needed are read", "remove_unused_columns", "length_column_name"),
        .. Ignore("only with fp16: true", "half_precision_backend", "fp16_backend", "fp16_opt_level"),
        .. Ignore("the same seed gives the same bits on the CPU; on a GPU some sums (flash attention backward, the embedding's gradient) go in no fixed order", "full_determinism"),
    ];

    private static IEnumerable<ForeignKey> Refusals =>
    [
        .. Refuse("false", "float16 training is not implemented: write bf16: true", "fp16"),
        .. Refuse("false", "Adafactor is not implemented: remove it, or write optim: rmsprop", "adafactor"),
        .. Refuse("null", "it belongs to optimizers that are not implemented: remove it", "optim_args", "optim_target_modules"),
        .. Refuse("0", "smoothing of the tokens' labels is not implemented: write 0 (dpo's label_smoothing is another thing)", "label_smoothing_factor"),
        .. Refuse("null or 0", "noise on the embeddings (NEFTune) is not implemented: remove it", "neftune_noise_alpha"),
        .. Refuse("false", "batches sorted by length are not implemented, and nothing is padded here that they would save: write false", "group_by_length"),
        .. Refuse("random", "rows come in an order drawn from seed and in no other: write random", "train_sampling_strategy"),
        .. Refuse("false", "the last, smaller batch of an epoch is always trained on: write false", "dataloader_drop_last"),
        .. Refuse("false", "no batch size is searched for: write a per_device_train_batch_size that fits, or a max_tokens_per_batch", "auto_find_batch_size"),
        .. Refuse("true", "weights are written as *.safetensors only: write true", "save_safetensors"),
        .. Refuse("false", "there is no MPS device here: write false", "use_mps_device"),
    ];

    private static IEnumerable<ForeignKey> Translations =>
    [
        Switch("use_cpu", "device", "cpu", null),
        Switch("no_cuda", "device", "cpu", null),
        Renamed("per_gpu_train_batch_size", "per_device_train_batch_size"),
        Renamed("per_gpu_eval_batch_size", "per_device_eval_batch_size"),
        new("data_seed", "refused unless it is seed: there is one seed for everything", (value, given) =>
            value.Says("null") || value.Says(given.Text("seed", "42")) ? [] : [new Refused("there is one seed for everything: write seed, and remove data_seed")]),
        new("resume_from_checkpoint", "true is what happens without it (--resume auto); a folder is refused: it is given as --resume FOLDER", (value, _) =>
            value.IsEmpty() || value.Says("false") || value.Says("true") ? [] : [new Refused("a checkpoint to go on from is named on the command line: --resume FOLDER")]),
    ];

    private static ForeignKey Renamed(string name, string key) => new(name, $"another name for {key}", (value, _) => value.Says("null") ? [] : [new Means(key, value)]);
}
