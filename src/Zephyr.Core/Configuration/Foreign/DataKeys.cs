using static Zephyr.Configuration.Foreign.ForeignKey;

namespace Zephyr.Configuration.Foreign;

/// <summary>TRL's ScriptArguments and the handbook's DataArguments: which rows, and how they become text; as far as they are not keys of ours.</summary>
internal static class DataKeys
{
    private static readonly string[] Rows = ["dataset", "eval_strategy"];

    /// <summary>What the packing and tokenizing of TRL 0.7 could be told, where saying it changes nothing.</summary>
    private static readonly string[] UsualTokenization = ["add_special_tokens", "append_concat_token"];

    public static IEnumerable<ForeignKey> Both =>
    [
        new("dataset_name", "a .parquet, .jsonl or .json file is dataset; any other name is dataset_mixer {NAME: 1} with dataset_splits [dataset_train_split, dataset_test_split]",
            PlaceName) { StandsFor = Rows },
        SplitOf("dataset_train_split"),
        SplitOf("dataset_test_split"),
        .. Refuse("null or default", "configurations of a data set are not looked up: name the files of the one that is meant in dataset", "dataset_config", "dataset_configs"),
        .. Refuse("null", "which rows it holds out is decided by a shuffle of Python's: write dataset_mixer: {PATH: 1.0} and dataset_splits, which keep the published "
            + "test rows apart", "dataset_mixture").Select(InsteadOfRows),
        .. Refuse("null", "sources are named otherwise here: write dataset: [PATH, ...], or dataset_mixer: {PATH: 1.0} and dataset_splits", "datasets").Select(InsteadOfRows),
        .. Ignore("rows are read whole before training", "dataset_streaming", "streaming"),
        .. Ignore("rows are recognised by their columns", "dataset_text_field", "text_column"),
        .. Ignore("all rows are tokenized and packed at once", "dataset_batch_size", "num_of_sequences", "chars_per_token"),
        .. Ignore("rows are shuffled by seed in every epoch", "shuffle_dataset"),
        .. Refuse("null", "to take a part of the rows, write its share in dataset_mixer: {PATH: 0.1}", "max_train_samples", "max_eval_samples"),
        .. Refuse("false", "to try a run on few rows, write max_steps, or their share in dataset_mixer: {PATH: 0.01}", "sanity_check"),
        new("dataset_kwargs", "refused where it changes how text becomes tokens", PlaceKwargs),
        new("chat_template", "ignored where it is the Zephyr template as published; any other is refused", PlaceTemplate),
        .. Refuse("null", "the chat template is Zephyr's and built in: remove it", "chat_template_path"),
        .. Ignore("one process trains on one device", "ignore_bias_buffers"),
        .. Ignore("it concerns memory only and changes no number", "gradient_checkpointing_use_reentrant", "use_reentrant"),
        .. Ignore("--config is given on the command line", "config"),
        .. Ignore("nothing is uploaded, the output folder is the result", "hub_model_revision"),
    ];

    public static IEnumerable<ForeignKey> Sft =>
        Refuse("null or right", "a conversation that is too long keeps its start: write right", "truncation_side");

    public static IEnumerable<ForeignKey> Dpo => Ignore("truncation_mode says which part of a prompt is kept", "truncation_side");

    private static ForeignKey InsteadOfRows(ForeignKey key) => key with { StandsFor = Rows };

    private static IEnumerable<Fate> PlaceName(YamlValue value, GivenKeys given)
    {
        if (value is not YamlScalar { Text: { Length: > 0 } name }) return value.Says("null") ? [] : [new Refused("expected one name or path")];
        if (Path.GetExtension(name) is ".parquet" or ".jsonl" or ".json") return [new Means("dataset", value)];
        var train = given.Text("dataset_train_split", "train");
        var test = given.Text("dataset_test_split", "test");
        if (!train.Contains("train", StringComparison.Ordinal))
            return [new Refused($"the split {train} is not recognised as one to train on by its name: write the path of its files as dataset")];
        var evaluates = given.Text("eval_strategy", "no") != "no" && !given.Has("eval_dataset") && (!given.Has("eval_fraction") || given.Says("eval_fraction", "0"));
        if (evaluates && !test.Contains("test", StringComparison.Ordinal))
            return [new Refused($"the split {test} is not recognised as held out by its name: write the path of its files as eval_dataset, and those to train on as dataset")];
        string[] splits = evaluates ? [train, test] : [train];
        return
        [
            new Means("dataset_mixer", new YamlMapping(value.Line, [new(name, value.With("1"))])),
            new Means("dataset_splits", new YamlList(value.Line, [.. splits.Select(value.With)])),
        ];
    }

    private static ForeignKey SplitOf(string name) => new(name, "goes with dataset_name", (_, given) => given.Has("dataset_name") ? [] : [new Ignored("only with dataset_name")]);

    private static IEnumerable<Fate> PlaceKwargs(YamlValue value, GivenKeys given) => value switch
    {
        _ when value.IsEmpty() => [],
        YamlMapping mapping when mapping.Items.FirstOrDefault(item => !UsualTokenization.Contains(item.Key) || item.Value?.Says("true") != true) is { Key: { } other } =>
            [new Refused($"how text becomes tokens is fixed, and {other} cannot be changed: remove it")],
        YamlMapping => [],
        _ => [new Refused("expected names with values")],
    };

    private static IEnumerable<Fate> PlaceTemplate(YamlValue value, GivenKeys given) => value switch
    {
        _ when value.IsEmpty() => [],
        YamlScalar template when PublishedTemplate.IsIt(template.Text) => [new Ignored("it is the Zephyr template, which is built in")],
        _ => [new Refused("it is not the Zephyr template as published, the only one that is built in: remove it to train with that")],
    };
}
