using Zephyr.Cli;
using Zephyr.Configuration;
using Zephyr.Runtime;

namespace Zephyr.Tests.Cli;

public class UsageTests
{
    private static readonly string TinySft = Path.Combine(SharedFolder.RepositoryRoot, "configs/tiny/sft.yaml");

    [Theory]
    [InlineData("", "zephyr: give a command: demo, clean, sft, aif, dpo, rubrics, plan, inspect, merge, generate, serve, eval, bench, score, tokenize, doctor; zephyr --help says what they do")]
    [InlineData("generat", "zephyr: unknown command \"generat\"; did you mean generate?")]
    [InlineData("train", "zephyr: unknown command \"train\"; there are demo, clean, sft, aif, dpo, rubrics, plan, inspect, merge, generate, serve, eval, bench, score, tokenize, doctor")]
    [InlineData("--sft", "--sft: unknown option; options stand after a command: demo, clean, sft, aif, dpo, rubrics, plan, inspect, merge, generate, serve, eval, bench, score, tokenize, doctor")]
    [InlineData("sft --lerning_rate 3", "--lerning_rate: unknown option; did you mean --learning_rate?")]
    [InlineData("sft --lerning-rate=3", "--lerning-rate: unknown option; did you mean --learning_rate?")]
    [InlineData("sft --confg x", "--confg: unknown option; did you mean --config?")]
    [InlineData("sft --dryrun", "--dryrun: unknown option; did you mean --dry-run?")]
    [InlineData("sft --wandb on --beta 0.1", "--wandb: unknown option; zephyr sft --help lists them\n--beta: belongs to dpo, not to sft")]
    [InlineData("sft x.yaml", "zephyr sft: found \"x.yaml\", expected an option; did you mean --config x.yaml?")]
    [InlineData("sft --model_name_or_path m --dataset d --output_dir o --seed", "--seed: needs a value")]
    [InlineData("sft --config nowhere.yaml", "zephyr: nowhere.yaml: there is no such file, expected a config file")]
    [InlineData("sft --config nowhere.yaml --nope",
        "nowhere.yaml: there is no such file, expected a config file\n--nope: unknown option; zephyr sft --help lists them")]
    [InlineData("aif --feedback f --output_dir --quiet", "--output_dir: needs a value")]
    [InlineData("aif --output_dir --quite", "--quite: unknown option; did you mean --quiet?\n--output_dir: needs a value")]
    [InlineData("aif --output_dir= --feedback a.jsonl", "--output_dir: needs a value")]
    [InlineData("sft --packing --learning_rat 1e-5", "--learning_rat: unknown option; did you mean --learning_rate?")]
    [InlineData("sft --quiet --nope", "--nope: unknown option; zephyr sft --help lists them")]
    [InlineData("sft --model_name_or_path m --dataset d --output_dir o --packing --packing=false", "--packing: is given more than once")]
    [InlineData("sft --dataset a.parquet b.parquet c.parquet --nope 3",
        "--dataset: found \"b.parquet\" behind its value, expected one value: quote a glob, or write [a, b]\n"
        + "--nope: unknown option; zephyr sft --help lists them")]
    [InlineData("sft --seed 3 4", "zephyr sft: found \"4\", expected an option")]
    [InlineData("sft --nope --dry-run=maybe --learning_rate -1 --seed x",
        "--nope: unknown option; zephyr sft --help lists them\n--dry-run: found the text \"maybe\", expected true or false\n"
        + "--seed: found the text \"x\", expected a whole number\n--learning_rate: must be > 0 (was -1)")]
    [InlineData("generate --model m --prompt", "--prompt: needs a value")]
    [InlineData("generate --model m --prompt --model --top_k -1", "--top_k: must be at least 0 (was -1)")]
    [InlineData("generate --model m --messages --seed 3", "--messages: needs a value")]
    [InlineData("generate --model m --mesages f", "--mesages: unknown option; did you mean --messages?")]
    [InlineData("sft --config a --config b", "--config: is given more than once")]
    [InlineData("sft --dry-run=maybe", "--dry-run: found the text \"maybe\", expected true or false")]
    [InlineData("generate --prompt hi", "--model: is required: model folder: config.json, *.safetensors, tokenizer.model")]
    [InlineData("generate --model m", "--prompt: give one of --prompt and --messages")]
    [InlineData("generate --model m --messages f --raw", "--raw: goes with --prompt: messages need the chat template")]
    [InlineData("generate --model m --prompt hi --temperature -1 --top_p 0 --top-k -1 --max_new_tokens 0",
        "--temperature: must be at least 0 (was -1)\n--top_p: must be above 0 and at most 1 (was 0)\n"
        + "--top-k: must be at least 0 (was -1)\n--max_new_tokens: must be at least 1 (was 0)")]
    [InlineData("tokenize --tokenizer t --text a --text-file b", "--text: give one of --text, --text-file and --messages")]
    [InlineData("generate --model m --prompt hi --raw --auto_insert_empty_system_msg",
        "--auto_insert_empty_system_msg: does not go with --raw, which takes the prompt as it stands")]
    [InlineData("tokenize --tokenizer t --text a --auto_insert_empty_system_msg", "--auto_insert_empty_system_msg: goes with --messages")]
    [InlineData("tokenize --tokenizer t --text a --add_generation_prompt", "--add_generation_prompt: goes with --messages")]
    [InlineData("inspect", "zephyr inspect: give a command: data, model, checkpoint; zephyr inspect --help says what they do")]
    [InlineData("inspect modl x", "zephyr inspect: unknown command \"modl\"; did you mean model?")]
    [InlineData("inspect runs/sft", "zephyr inspect: unknown command \"runs/sft\"; there are data, model, checkpoint")]
    [InlineData("inspect --json", "--json: unknown option; options stand after a command: data, model, checkpoint")]
    [InlineData("inspect model", "--model: is required: model folder: config.json, *.safetensors, tokenizer.model")]
    [InlineData("inspect model a b", "zephyr inspect model: found \"b\", expected an option")]
    [InlineData("inspect model a --model b", "--model: is given more than once")]
    [InlineData("inspect model a --al", "--al: unknown option; did you mean --all?")]
    [InlineData("inspect model nowhere", "zephyr: nowhere: there is no such model folder")]
    [InlineData("inspect checkpoint nowhere", "zephyr: nowhere: there is no such folder, expected a checkpoint or an output_dir")]
    [InlineData("inspect data", "zephyr: inspect data: give the configuration of a stage: --config FILE, or its keys as options")]
    [InlineData("inspect data --dataset x --model_name_or_path y", "zephyr: inspect data: the keys that are given are keys of sft and dpo: say which with --stage")]
    [InlineData("inspect data --stage ppo --rows 0", "--stage: must be sft, aif or dpo (was ppo)\n--rows: must be at least 1 (was 0)")]
    [InlineData("inspect data --dataset x --beta 0.1 --betta 2 --rows", "--betta: unknown option; did you mean --beta?\n--rows: needs a value")]
    [InlineData("inspect data --dataset x --beta 0.1", "model_name_or_path: is required, in the config file or as --model_name_or_path: model folder: config.json, *.safetensors, tokenizer.model")]
    [InlineData("inspect data --seed 1", "zephyr: inspect data: the keys that are given are keys of sft, aif and dpo: say which with --stage")]
    [InlineData("eval perplexity --model m --conversations c --rows /nowhere/rows.jsonl", "zephyr: rows /nowhere/rows.jsonl: there is no folder /nowhere, expected one that is there")]
    [InlineData("eval preferences --model m --pairs p --report /", "zephyr: report /: found a folder, expected the name of a file")]
    [InlineData("eval --model m", "--pairs: give one of --pairs and --conversations")]
    [InlineData("eval --model m --pairs a --conversations b --ref_model c", "--pairs: give one of --pairs and --conversations")]
    [InlineData("eval --model m --conversations b --ref_model c", "--ref_model: goes with --pairs, and --pairs with it")]
    [InlineData("eval --model m --conversations b --max_length 1 --on_bad_row drop",
        "--max_length: must be at least 2 (was 1)\n--on_bad_row: must be fail or skip (was drop)")]
    [InlineData("eval --model m --pairs a --ref_model c --max_prompt_length 2000",
        "--max_prompt_length: must be under max_length (1024), or no room is left for an answer (was 2000)")]
    [InlineData("eval --model m --pairs a --ref_model c --tokenization trl", "--truncation_mode: must be keep_start for tokenization trl (was keep_end)")]
    [InlineData("aif --feedback f --output_dir o --resume out/checkpoint-1",
        "--resume: unknown option; zephyr aif --help lists them")]
    [InlineData("aif --feedback f --output_dir o --formats []", "--formats: must name parquet, jsonl or both (was empty)")]
    [InlineData("tokenize --tokenizer nowhere --text a", "zephyr: nowhere: there is no such tokenizer folder or file")]
    [InlineData("score --model m", "--ids: is required: JSON Lines file of {\"prompt_ids\": [...], \"completion_ids\": [...]}")]
    public void A_wrong_call_ends_with_2_and_a_sentence_on_stderr(string args, string expected)
    {
        var run = CliRun.Of(args.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal((2, "", expected + "\n"), (run.Code, run.Output, run.Error));
    }

    [Fact]
    public void An_empty_value_is_a_forgotten_one_and_not_the_default()
    {
        Assert.Equal(new(2, "", "--output_dir: needs a value\n"), CliRun.Of("demo", "--output_dir", ""));
        Assert.Equal(new(2, "", "--seed: needs a value\n"), CliRun.Of("demo", "--seed", " "));
    }

    [Fact]
    public void A_value_that_looks_like_an_option_is_written_with_an_equals_sign() =>
        Assert.Matches("(?m)^output_dir: \"--quiet\" +# option --output_dir$",
            CliRun.Of("aif", "--feedback", "f", "--output_dir=--quiet", "--dry-run").Output);

    [Fact]
    public void A_dry_run_prints_the_resolved_configuration_even_where_what_it_names_is_not_there()
    {
        var run = CliRun.Of("sft", "--config", TinySft, "--learning-rate", "3e-5", "--packing", "--dry-run", "--seed=-1");
        Assert.Equal(2, run.Code);
        Assert.StartsWith("zephyr: runs/", run.Error, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^learning_rate: 3e-05 +# option --learning-rate$", run.Output);
        Assert.Matches(@"(?m)^packing: true +# option --packing$", run.Output);
        Assert.Matches(@"(?m)^seed: -1 +# option --seed$", run.Output);
        Assert.Matches(@"(?m)^max_grad_norm: 1 +# file .*tiny/sft\.yaml line \d+$", run.Output);
        Assert.Equal(3e-5, ConfigReader.ReadText<SftConfig>(run.Output, "printed", []).Value.Optimizer.LearningRate);
    }

    [Fact]
    public void A_configuration_may_come_from_options_alone() =>
        Assert.Contains("\ndataset: [a, b]  ", CliRun.Of("sft", "--model_name_or_path", "m", "--dataset", "[a, b]", "--output-dir", "o", "--dry-run").Output);

    [Fact]
    public void Every_problem_of_a_config_is_a_line_that_an_editor_can_jump_to()
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, "bta: 1\nmodel_name_or_path: m\ndataset: d\noutput_dir: o\nlearning_rate: 0\n");
        var run = CliRun.Of("dpo", "--config", file, "--seed", "x");
        File.Delete(file);
        Assert.Equal(2, run.Code);
        Assert.Equal(
            $"{file}:1: bta: unknown key; did you mean beta?\n{file}:5: learning_rate: must be > 0 (was 0)\n"
            + "--seed: found the text \"x\", expected a whole number\n", run.Error);
    }

    [Fact]
    public void What_went_wrong_decides_the_exit_code()
    {
        Assert.Equal((2, "zephyr: no such file: a b\n"), Report(new UserErrorException("no such file: a\nb")));
        Assert.Equal((1, "zephyr: step 3 was not finite\n"), Report(new RunFailedException("step 3 was not finite")));
        Assert.Equal((130, "zephyr: interrupted\n"), Report(new OperationCanceledException()));
        Assert.Equal((2, "zephyr: x\n"), Report(new AggregateException(new UserErrorException("x"))));
        var (code, text) = Report(new InvalidOperationException("impossible"));
        Assert.Equal(1, code);
        Assert.StartsWith("zephyr: this is a bug in zephyr, please report it with the lines below.\nSystem.InvalidOperationException: impossible", text);
    }

    [Fact]
    public void A_full_disk_behind_stdout_is_a_failure_in_words()
    {
        using var error = new StringWriter { NewLine = "\n" };
        var code = Program.Run(["--help"], new CliConsole(new FullDisk(), error), TestContext.Current.CancellationToken);
        Assert.Equal((1, "zephyr: the output could not be written: No space left on device\n"), (code, error.ToString()));
    }

    [Fact]
    public void A_disk_that_fills_up_in_the_middle_is_no_defect()
    {
        using var error = new StringWriter { NewLine = "\n" };
        var code = Program.Run(["sft", "--model_name_or_path", "m", "--dataset", "d", "--output_dir", "o", "--dry-run"],
            new CliConsole(new FullAtOnce(), error), TestContext.Current.CancellationToken);
        Assert.Equal((1, "zephyr: the output could not be written: No space left on device\n"), (code, error.ToString()));
    }

    [Fact]
    public void The_first_signal_asks_and_the_second_insists()
    {
        using var error = new StringWriter { NewLine = "\n" };
        var exits = 0;
        using var signals = new InterruptSignals(error, () => exits++);
        signals.Receive();
        Assert.Equal((true, 0, "zephyr: stopping; once more to stop at once\n"), (signals.Token.IsCancellationRequested, exits, error.ToString()));
        signals.Receive();
        Assert.Equal(1, exits);
    }

    private static (int, string) Report(Exception exception)
    {
        using var error = new StringWriter { NewLine = "\n" };
        return (ExitCodes.Report(exception, error), error.ToString());
    }

    private sealed class FullAtOnce : StringWriter
    {
        public override void Write(string? value) => throw new IOException("No space left on device");

        public override void Flush() => throw new IOException("No space left on device");
    }

    private sealed class FullDisk : StringWriter
    {
        public override void Flush() => throw new IOException("No space left on device");
    }
}
