using static Zephyr.Configuration.Foreign.ForeignKey;

namespace Zephyr.Configuration.Foreign;

/// <summary>What TRL's SFTConfig and DPOConfig say of losses, batches and the reference, as far as they are not keys of ours.</summary>
internal static class ObjectiveKeys
{
    public static IEnumerable<ForeignKey> Both =>
    [
        .. Ignore("nothing is ever padded", "padding_free", "pad_to_multiple_of", "pad_token", "padding_value", "label_pad_token_id"),
        .. Ignore("only positions with a label meet the vocabulary, in chunks", "use_liger", "use_liger_loss", "use_logits_to_keep", "use_num_logits_to_keep"),
        .. Ignore("it concerns memory only and changes no number", "activation_offloading"),
        .. Refuse("</s>", "a turn ends with </s> in the Zephyr template and nothing else: remove it", "eos_token"),
    ];

    public static IEnumerable<ForeignKey> Sft =>
    [
        .. Refuse("false", "the loss is on all tokens, or with assistant_only_loss: true on the assistant's turns: write that, and remove it", "completion_only_loss"),
        .. Refuse("nll or chunked_nll", "the loss of sft is the mean negative log-likelihood: write nll", "loss_type"),
        .. Refuse("keep_start", "a conversation that is too long keeps its start: write keep_start", "truncation_mode"),
        new("eval_packing", "refused unless it is packing: held-out rows are packed as training rows are", (value, given) =>
            value.Says("null") || value.Says(given.Text("packing", given.Has("dataset_mixer") ? "true" : "false"))
                ? [] : [new Refused("held-out rows are packed exactly when training rows are (packing): remove it")]),
    ];

    public static IEnumerable<ForeignKey> Dpo =>
    [
        Switch("precompute_ref_log_probs", "reference", "cached", "frozen"),
        .. Ignore("it concerns memory only and changes no number", "precompute_ref_batch_size"),
        .. Refuse("false", "the reference stays what it was: write false", "sync_ref_model"),
        .. Ignore("only with sync_ref_model: true", "ref_model_mixup_alpha", "ref_model_sync_steps"),
        .. Refuse("false", "weights of pairs by their probability (WPO) are not implemented: write false", "use_weighting"),
        .. Refuse("false", "a loss without a reference is not implemented: write false", "reference_free"),
        .. Refuse("null or -1", "answers have no limit of their own, they are cut to fit max_length: remove it", "max_completion_length", "max_target_length"),
        .. Refuse("null", "the Zephyr template has no place for tools: remove it", "tools"),
        .. Ignore("zephyr generate shows answers", "generate_during_eval"),
    ];
}
