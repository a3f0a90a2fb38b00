using System.Diagnostics;
using System.Text.Json;
using Zephyr.Tests.Data.Sources;

namespace Zephyr.Tests.Cli;

public sealed class BenchTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Figures_of_dpo_come_as_one_document()
    {
        var found = Json("dpo", "--steps", "2");
        Assert.Equal(
            ["stage", "size", "dtype", "pair_layout", "reference", "pairs_per_s", "tokens_per_s", "step_s", "loss", "peak_mib", "tensor_peak_mib", "planned_mib", "planned_total_mib", "counted_mib", "planned_counted_mib", "matmul_gflops",
                "matmul_share", "device", "gpu", "device_peak_mib", "model_tflops", "peak_tflops", "mfu", "reference_s", "threads", "libtorch"],
            found.EnumerateObject().Select(property => property.Name));
        Assert.Equal(("dpo", "tiny", "fp32"), (found.GetProperty("stage").GetString(), found.GetProperty("size").GetString(), found.GetProperty("dtype").GetString()));
        Assert.Equal((2, 3), (found.GetProperty("step_s").GetArrayLength(), found.GetProperty("loss").GetArrayLength()));
        Assert.Equal(Math.Log(2), found.GetProperty("loss")[0].GetDouble(), 1e-6);
        foreach (var name in new[] { "pairs_per_s", "tokens_per_s", "peak_mib", "matmul_gflops", "matmul_share" }) Assert.True(found.GetProperty(name).GetDouble() > 0, name);
        // Twelve pairs of 3 + 2 and 3 + 4 tokens.
        Assert.Equal(12, found.GetProperty("tokens_per_s").GetDouble() / found.GetProperty("pairs_per_s").GetDouble(), 0.1);
    }

    /// <summary>Layouts, references, micro-batches and recomputation are ways to the same numbers.</summary>
    [Theory]
    [InlineData("--pair_layout", "shared_prefix")]
    [InlineData("--pair_layout", "concatenated", "--reference", "cached")]
    [InlineData("--per_device_train_batch_size", "1", "--gradient_accumulation_steps", "4")]
    [InlineData("--max_tokens_per_batch", "24")]
    [InlineData("--gradient_checkpointing", "true", "--gradient_checkpointing_every", "2")]
    [InlineData("--optim_state_device", "host")]
    public void Ways_to_the_same_numbers_have_the_same_losses(params string[] way)
    {
        var plain = Losses("dpo", "--learning_rate", "1e-2");
        Assert.True(Math.Abs(plain[^1] - plain[0]) > 1e-3, "it has to learn something for that to mean anything");
        foreach (var (a, b) in plain.Zip(Losses(["dpo", "--learning_rate", "1e-2", .. way]))) Assert.Equal(a, b, 1e-5);
    }

    /// <summary>Whichever reference it is held to, in 4 bits too, the first loss is ln 2 and the numbers are one model's: not those of the whole weights.</summary>
    [Fact]
    public void QLoRA_is_timed_beside_the_same_weights_in_every_reference()
    {
        string[] lora = ["dpo", "--use_peft", "true", "--learning_rate", "1e-2"], held = [.. lora, "--load_in_4bit", "true", "--use_bnb_nested_quant", "true"];
        var adapter = Losses([.. held, "--reference", "adapter"]);
        Assert.Equal(Math.Log(2), adapter[0], 1e-6);
        foreach (var reference in new[] { "frozen", "cached" })
            foreach (var (a, b) in adapter.Zip(Losses([.. held, "--reference", reference]))) Assert.Equal(a, b, 1e-5);
        Assert.True(Math.Abs(adapter[^1] - Losses([.. lora, "--reference", "adapter"])[^1]) > 1e-6);
    }

    /// <summary>Moments are rounded after the first update, dropout is left out unless it is asked for: both show in the losses that follow.</summary>
    [Fact]
    public void Moments_of_bf16_and_dropout_are_what_is_timed()
    {
        string[] plain = ["dpo", "--learning_rate", "1e-2", "--steps", "6"], lora = [.. plain, "--use_peft", "true", "--reference", "adapter"];
        var (exact, rounded) = (Losses(plain), Losses([.. plain, "--optim_state_dtype", "bfloat16"]));
        Assert.Equal(exact.Take(2), rounded.Take(2));
        Assert.NotEqual(exact[^1], rounded[^1]);
        Assert.Equal(exact[^1], rounded[^1], 1e-2);
        Assert.Equal(Losses(lora), Losses([.. lora, "--lora_dropout", "0"]));
        Assert.NotEqual(Losses(lora)[^1], Losses([.. lora, "--disable_dropout", "false"])[^1]);
    }

    [Fact]
    public void Blocks_of_sft_are_the_files_tokens_end_to_end()
    {
        var found = Json("sft", "--max_seq_length", "10", "--per_device_train_batch_size", "2");
        Assert.Equal((0, "sft"), (found.GetProperty("pairs_per_s").GetDouble(), found.GetProperty("stage").GetString()));
        // Seconds are rounded to milliseconds: near enough to tell 20 tokens a step from 10 or 40.
        Assert.Equal(20, found.GetProperty("step_s").EnumerateArray().Sum(step => step.GetDouble()) / 4 * found.GetProperty("tokens_per_s").GetDouble(), 5.0);
        var run = CliRun.Of(Args("sft", "--max_seq_length", "1000"));
        Assert.Equal(new(2, "", $"zephyr: {_folder.PathOf("pairs.jsonl")}: its tokens do not fill a block of max_seq_length 1000\n"), run);
    }

    [Fact]
    public void A_table_names_the_figures()
    {
        var run = CliRun.Of(Args("dpo", "--reference", "cached"));
        Assert.Equal((0, ""), (run.Code, run.Error));
        foreach (var line in new[] { "dpo tiny fp32", "tokens a second (real ones)", "pairs a second", "seconds of each step", "seconds for the reference", "loss of each step", "peak memory, MiB", "share that the steps reach" })
            Assert.Contains(line, run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--size: give one of --size and --model", "--model", "somewhere")]
    [InlineData("--size: found huge, expected tiny, bench58m, mistral7b, mistral7b-8layers", "--size", "huge")]
    [InlineData("--steps: must be at least 1 (was 0)", "--steps", "0")]
    [InlineData("--reference: must be frozen, cached or adapter (was none)", "--reference", "none")]
    [InlineData("--reference: adapter is the policy with its adapter off: give use_peft: true (was false), or write frozen", "--reference", "adapter")]
    [InlineData("--pair_layout: must be separate, concatenated or shared_prefix (was both)", "--pair_layout", "both")]
    [InlineData("--load_in_4bit: weights of 4 bits cannot learn, an adapter beside them can: give use_peft: true (was false), or write load_in_4bit: false", "--load_in_4bit", "true")]
    [InlineData("--bnb_4bit_use_double_quant: has no meaning without load_in_4bit: set it to false (was true)", "--bnb_4bit_use_double_quant", "true")]
    [InlineData("--lora_r: has no meaning without use_peft: give use_peft: true, or set it to 16 (was 8)", "--lora_r", "8")]
    [InlineData("--optim_state_device: must be device or host (was disk)", "--optim_state_device", "disk")]
    [InlineData("--optim_state_dtype: must be float32 or bfloat16 (was float16)", "--optim_state_dtype", "float16")]
    [InlineData("--cpu_kernels: must be default or native (was fast)", "--cpu_kernels", "fast")]
    [InlineData("--gradient_checkpointing_every: has no meaning without gradient_checkpointing: set it to 1 (was 2)", "--gradient_checkpointing_every", "2")]
    [InlineData("--learning_rate: must be > 0 (was 0)", "--learning_rate", "0")]
    [InlineData("--attn_implementation: must be auto, sdpa or flash_attention_2 (was eager)", "--attn_implementation", "eager")]
    [InlineData("zephyr: attn_implementation: flash_attention_2 was asked for, but it runs on CUDA and the device is cpu; expected auto or sdpa", "--attn_implementation", "flash_attention_2")]
    public void A_wrong_option_is_one_sentence(string expected, string option, string value)
    {
        string[] args = [.. Args("dpo"), option, value];
        if (option == "--size") args = [.. args.Where((arg, i) => arg != "tiny" && !(arg == "--size" && args[i + 1] == "tiny"))];
        var run = CliRun.Of(args);
        Assert.Equal((2, ""), (run.Code, run.Output));
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void A_row_that_does_not_fit_is_named()
    {
        var file = _folder.Write("high.jsonl", "{\"prompt_ids\": [1], \"chosen_ids\": [5], \"rejected_ids\": [6]}\n{\"prompt_ids\": [1], \"chosen_ids\": [5], \"rejected_ids\": [1000]}\n");
        var run = CliRun.Of("bench", "dpo", "--size", "tiny", "--pairs", file);
        Assert.Equal(new(2, "", $"zephyr: {file}, line 2, field 'rejected_ids': found 1000, expected token ids under the vocabulary size 1000\n"), run);
        file = _folder.Write("long.jsonl", $"{{\"prompt_ids\": [1], \"chosen_ids\": [{string.Join(",", Enumerable.Repeat(5, 32768))}], \"rejected_ids\": [6]}}\n");
        run = CliRun.Of("bench", "dpo", "--size", "tiny", "--pairs", file);
        Assert.Equal((2, ""), (run.Code, run.Output));
        Assert.Contains("line 1: found 32769 token ids, expected prompt and answer of at most 32768 together (the model's max_position_embeddings)", run.Error, StringComparison.Ordinal);
        run = CliRun.Of(Args("dpo", "--max_tokens_per_batch", "11"));
        Assert.Equal(2, run.Code);
        Assert.Contains("line 1: found 12 tokens that have to be in memory together", run.Error, StringComparison.Ordinal);
    }

    /// <summary>In a process of its own, as it has to be chosen before the first product. On an Intel processor it changes nothing.</summary>
    [Fact]
    public async Task Native_kernels_give_the_same_losses_to_five_digits()
    {
        var plain = Losses("dpo");
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "zephyr"), [.. Args("dpo"), "--json", "--cpu_kernels", "native"]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, error);
        foreach (var (a, b) in plain.Zip(LossesIn(JsonDocument.Parse(output).RootElement))) Assert.Equal(a, b, 1e-5);
    }

    private string[] Args(params string[] args) => ["bench", args[0], "--size", "tiny", "--pairs", Pairs(), .. args[1..]];

    private JsonElement Json(params string[] args)
    {
        var run = CliRun.Of([.. Args(args), "--json"]);
        Assert.Equal((0, ""), (run.Code, run.Error));
        return JsonDocument.Parse(run.Output).RootElement;
    }

    private List<double> Losses(params string[] args) => LossesIn(Json(args));

    private static List<double> LossesIn(JsonElement found) => [.. found.GetProperty("loss").EnumerateArray().Select(loss => loss.GetDouble())];

    private string Pairs() => _folder.Write("pairs.jsonl", string.Concat(Enumerable.Range(0, 12).Select(i =>
        $"{{\"prompt_ids\": [1, {i + 3}, {i * 7 + 5}], \"chosen_ids\": [{i * 11 + 20}, 2], \"rejected_ids\": [{i * 13 + 40}, {i + 300}, {i * 5 + 500}, 2]}}\n")));
}
