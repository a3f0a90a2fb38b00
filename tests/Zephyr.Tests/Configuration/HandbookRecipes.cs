namespace Zephyr.Tests.Configuration;

/// <summary>The alignment-handbook's Zephyr recipes, key by key, in its versions 0.2 (November 2023), 0.3 (January 2024) and of 2025.</summary>
internal static class HandbookRecipes
{
    // Written in one line of YAML: the backslashes are the file's own.
    private const string Template = @"chat_template: ""{% for message in messages %}\n"
        + @"{% if message['role'] == 'user' %}\n{{ '<|user|>\n' + message['content'] + eos_token }}\n"
        + @"{% elif message['role'] == 'system' %}\n{{ '<|system|>\n' + message['content'] + eos_token }}\n"
        + @"{% elif message['role'] == 'assistant' %}\n{{ '<|assistant|>\n'  + message['content'] + eos_token }}\n{% endif %}\n"
        + @"{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}""" + "\n";

    private const string UltraChat = "dataset_mixer:\n  HuggingFaceH4/ultrachat_200k: 1.0\ndataset_splits:\n- train_sft\n- test_sft\n";
    private const string UltraFeedback = "dataset_mixer:\n  HuggingFaceH4/ultrafeedback_binarized: 1.0\ndataset_splits:\n- train_prefs\n- test_prefs\n";

    private const string Lora = "use_peft: true\nload_in_4bit: true\nlora_r: 16\nlora_alpha: 16\nlora_dropout: 0.05\nlora_target_modules:\n- q_proj\n- k_proj\n";

    private const string SftCommon = """
        model_name_or_path: mistralai/Mistral-7B-v0.1
        model_revision: main
        torch_dtype: bfloat16
        bf16: true
        do_eval: true
        gradient_checkpointing: true
        hub_strategy: every_save
        log_level: info
        logging_steps: 5  
        logging_strategy: steps
        lr_scheduler_type: cosine
        max_seq_length: 2048
        max_steps: -1
        num_train_epochs: 1
        overwrite_output_dir: true
        push_to_hub: true
        remove_unused_columns: true
        seed: 42

        """;

    private const string DpoCommon = """
        model_name_or_path: alignment-handbook/zephyr-7b-sft-full
        bf16: true
        do_eval: true
        eval_steps: 100
        gradient_checkpointing: true
        hub_model_id: zephyr-7b-dpo-full
        log_level: info
        logging_steps: 10
        max_length: 1024
        max_prompt_length: 512
        output_dir: data/zephyr-7b-dpo-full
        push_to_hub: true
        seed: 42
        warmup_ratio: 0.1

        """;

    private const string Later = """
        gradient_checkpointing_kwargs:
          use_reentrant: False
        save_strategy: "steps"
        save_steps: 100
        save_total_limit: 1

        """;

    private const string SftLater = SftCommon + Later + """
        attn_implementation: flash_attention_2
        eval_strategy: epoch
        gradient_accumulation_steps: 1
        hub_model_id: zephyr-7b-sft-full
        learning_rate: 2.0e-05
        output_dir: data/zephyr-7b-sft-full
        per_device_eval_batch_size: 8
        per_device_train_batch_size: 16
        warmup_ratio: 0.1

        """ + Template;

    private const string DpoLater = DpoCommon + Later + """
        torch_dtype: null
        beta: 0.01
        eval_strategy: steps
        gradient_accumulation_steps: 2
        learning_rate: 5.0e-7
        lr_scheduler_type: cosine
        num_train_epochs: 1
        optim: adamw_torch
        per_device_train_batch_size: 8
        per_device_eval_batch_size: 8

        """;

    public const string Sft02 = SftCommon + UltraChat + """
        use_flash_attention_2: true
        preprocessing_num_workers: 12
        evaluation_strategy: epoch
        gradient_accumulation_steps: 2
        hub_model_id: zephyr-7b-sft-full
        learning_rate: 2.0e-05
        output_dir: data/zephyr-7b-sft-full
        per_device_eval_batch_size: 16
        per_device_train_batch_size: 32
        report_to:
        - tensorboard
        save_strategy: "no"
        save_total_limit: null
        tf32: true
        """;

    public const string Dpo02 = DpoCommon + UltraFeedback + """
        preprocessing_num_workers: 12
        beta: 0.1
        evaluation_strategy: steps
        gradient_accumulation_steps: 1
        learning_rate: 5.0e-7
        lr_scheduler_type: linear
        num_train_epochs: 3
        optim: rmsprop
        per_device_train_batch_size: 8
        per_device_eval_batch_size: 4
        save_strategy: "no"
        save_total_limit: null
        """;

    public const string Sft03 = SftLater + UltraChat + "preprocessing_num_workers: 12\nreport_to:\n- tensorboard\n";

    public const string Dpo03 = DpoLater + UltraFeedback + "preprocessing_num_workers: 12\n";

    public const string Sft03Qlora = Sft03 + Lora;

    public const string Dpo03Qlora = Dpo03 + Lora;

    public const string Sft25 = SftLater + """
        dataset_mixture:
          datasets:
            - id: HuggingFaceH4/ultrachat_200k
              config: default
              split: train_sft
              columns:
                - messages
              weight: 1.0
            - id: HuggingFaceH4/ultrachat_200k
              config: default
              split: test_sft
              columns:
                - messages
              weight: 1.0
          test_split_size: 1000
          seed: 0
        dataset_num_proc: 12
        report_to:
        - wandb
        """;

    public const string Dpo25 = DpoLater + """
        dataset_mixture:
          datasets:
            - id: HuggingFaceH4/ultrafeedback_binarized
              split: train_prefs
              weight: 1.0
          test_split_size: 2000
        dataset_num_proc: 12
        """;
}
