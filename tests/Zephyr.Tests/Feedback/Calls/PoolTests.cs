using Zephyr.Configuration;
using Zephyr.Feedback.Calls;
using Zephyr.Runtime;
using Zephyr.Tests.Data.Sources;

namespace Zephyr.Tests.Feedback.Calls;

/// <summary>How models are named.</summary>
public sealed class PoolTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Models_come_from_the_file_a_folder_or_an_address()
    {
        var file = _folder.Write("endpoints.yaml", """
            # two models
            large:
              base_url: https://api.example.com/v1
              model: large-2024
              api_key_env: EXAMPLE_KEY
              max_concurrency: 64
              requests_per_minute: 500
              tokens_per_minute: 3e5
              timeout: 60
              max_retries: 2
              price_per_million_prompt_tokens: 2.5
              price_per_million_completion_tokens: 10
              supports_json_schema: true
              supports_seed: false
              max_tokens_field: max_completion_tokens
            mine: {local: MODEL, max_concurrency: 8}
            """.Replace("MODEL", _folder.PathOf("model"), StringComparison.Ordinal));
        _folder.Write("model/config.json", "{}");
        var local = $"local:{_folder.PathOf("model")}";
        var pool = ModelPool.Of([("models", ["mine", "http://127.0.0.1:8080/v1#stories", local]), ("judge", ["large", "mine"])], file);
        Assert.Equal(["mine", "http://127.0.0.1:8080/v1#stories", local, "large"], pool.Models.Select(model => model.Name));
        Assert.Equal(new EndpointOptions
        {
            BaseUrl = "https://api.example.com/v1",
            Model = "large-2024",
            ApiKeyEnv = "EXAMPLE_KEY",
            MaxConcurrency = 64,
            RequestsPerMinute = 500,
            TokensPerMinute = 3e5,
            Timeout = 60,
            MaxRetries = 2,
            PricePerMillionPromptTokens = 2.5,
            PricePerMillionCompletionTokens = 10,
            SupportsJsonSchema = true,
            SupportsSeed = false,
            MaxTokensField = "max_completion_tokens",
        }, pool["large"].Options);
        Assert.Equal(new EndpointOptions { BaseUrl = "http://127.0.0.1:8080/v1", Model = "stories" }, pool["http://127.0.0.1:8080/v1#stories"].Options);
        Assert.Equal((true, _folder.PathOf("model"), 8), (pool["mine"].IsLocal, pool["mine"].Options.Local, pool["mine"].Options.MaxConcurrency));
        Assert.Equal(0.0125m, pool["large"].CostOf(1000, 1000));
        Assert.Equal(64 + 8 + 16 + 16, pool.Concurrency);
    }

    [Fact]
    public void The_example_can_be_read() => Assert.Equal(["large", "small", "mine"], EndpointFile.Read(Path.Combine(SharedFolder.RepositoryRoot, "configs", "endpoints.example.yaml")).Keys);

    /// <summary>What the folder is called says nothing, and neither does when it was written.</summary>
    [Fact]
    public void A_local_model_is_its_content_and_that_of_the_model_under_it()
    {
        string Identity(string folder) => LocalContent.IdentityOf(new PoolModel("m", new EndpointOptions { Local = _folder.PathOf(folder) }));
        foreach (var folder in new[] { "one", "other" })
        {
            _folder.Write($"{folder}/config.json", "{}");
            _folder.Write($"{folder}/model.safetensors", "weights");
            _folder.Write($"{folder}/metrics.jsonl", folder);
        }
        _folder.Write("adapter/adapter_config.json", $"{{\"base_model_name_or_path\": \"{_folder.PathOf("one")}\"}}");
        var adapter = Identity("adapter");
        Assert.Equal(Identity("one"), Identity("other"));
        Assert.NotEqual(Identity("one"), adapter);
        _folder.Write("one/model.safetensors", "other weights");
        Assert.NotEqual(Identity("one"), Identity("other"));
        Assert.NotEqual(adapter, Identity("adapter"));
        _folder.Write("adapter/adapter_config.json", "broken");
        Assert.StartsWith("sha256:", Identity("adapter"), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_problem_of_the_file_is_told_at_once_with_its_line()
    {
        var problems = Assert.Throws<ConfigException>(() => EndpointFile.Parse("""
            a:
              base_url: api.example.com/v1
              api_key: sk-123
              max_concurency: 3
              max_concurrency: 0
            b: http://127.0.0.1/v1
            c:
              model: m
              timeout: soon
              timeout: 3
            local:x: {local: x}
            d:
              base_url: https://me:secret@example.com/v1
              local: x
            e:
              base_url: https://example.com/v1?key=1
              api_key_env: sk-proj-123
              max_tokens_field: tokens
            a: {local: y}
            """, "endpoints.yaml")).Problems.Select(problem => problem.ToString());
        Assert.Equal(
        [
            "endpoints.yaml:2: a.base_url: must be an address that begins with http:// or https://",
            "endpoints.yaml:3: a.api_key: a key stands in no file: name the environment variable that holds it in api_key_env",
            "endpoints.yaml:4: a.max_concurency: unknown key; did you mean max_concurrency?",
            "endpoints.yaml:5: a.max_concurrency: must be at least 1 (was 0)",
            "endpoints.yaml:6: b: found no keys, expected those of an endpoint below it: base_url, model, api_key_env ...",
            "endpoints.yaml:9: c.timeout: found the text \"soon\", expected a number",
            "endpoints.yaml:10: c.timeout: is given twice, first on line 9",
            "endpoints.yaml:11: local:x: is the short form of a model, which needs no entry: give it a name of its own",
            "endpoints.yaml:14: d.local: stands in place of base_url, which is given too: give one of them",
            "endpoints.yaml:16: e.base_url: must be an address without ? and #",
            "endpoints.yaml:17: e.api_key_env: must be the name of an environment variable, not a key",
            "endpoints.yaml:18: e.max_tokens_field: must be max_tokens or max_completion_tokens (was tokens)",
            "endpoints.yaml:19: a: is given twice, first on line 1",
        ], problems);
    }

    /// <summary>Rounded to 4 bits, or beside another model, a folder gives other answers; where it runs says nothing.</summary>
    [Fact]
    public void A_local_model_is_how_it_is_held_too()
    {
        foreach (var folder in new[] { "one", "other" })
        {
            _folder.Write($"{folder}/config.json", "{}");
            _folder.Write($"{folder}/model.safetensors", folder);
        }
        _folder.Write("adapter/adapter_config.json", $"{{\"base_model_name_or_path\": \"{_folder.PathOf("one")}\"}}");
        var plain = new EndpointOptions { Local = _folder.PathOf("adapter") };
        EndpointOptions[] different =
        [
            plain, plain with { LoadIn4Bit = true }, plain with { LoadIn4Bit = true, UseBnbNestedQuant = true }, plain with { Dtype = "bfloat16" }, plain with { Base = _folder.PathOf("other") },
        ];
        string Identity(EndpointOptions options) => LocalContent.IdentityOf(new PoolModel("m", options));
        Assert.Equal(different.Length, different.Select(Identity).Distinct().Count());
        Assert.Equal(Identity(plain), Identity(plain with { Device = "cpu", MaxConcurrency = 3, Base = _folder.PathOf("one") }));
    }

    [Fact]
    public void How_a_model_is_loaded_is_said_of_local_ones_and_how_it_is_asked_of_endpoints()
    {
        var problems = Assert.Throws<ConfigException>(() => EndpointFile.Parse("""
            a: {base_url: "http://x/v1", device: cpu, dtype: bfloat16, load_in_4bit: true, use_bnb_nested_quant: true, base: x, max_cache_tokens: 64}
            b: {local: x, device: gpu, dtype: float16, use_bnb_nested_quant: true}
            c: {local: x, device: cpu, dtype: bfloat16, load_in_4bit: true, use_bnb_nested_quant: true, base: y, max_concurrency: 4, price_per_million_prompt_tokens: 1}
            d: {local: x, api_key_env: KEY, requests_per_minute: 60, tokens_per_minute: 1000, timeout: 10, max_retries: 0, supports_seed: false, max_tokens_field: max_tokens}
            """, "endpoints.yaml")).Problems.Select(problem => problem.ToString());
        Assert.Equal(
        [
            .. new[] { "base", "device", "dtype", "load_in_4bit", "use_bnb_nested_quant", "max_cache_tokens" }
                .Select(key => $"endpoints.yaml:1: a.{key}: says how a model on this machine is loaded or asked and has no meaning for an endpoint: it goes with local"),
            "endpoints.yaml:2: b.device: must be auto, cpu, cuda or cuda:N (was gpu)",
            "endpoints.yaml:2: b.dtype: must be auto, float32 or bfloat16 (was float16)",
            "endpoints.yaml:2: b.use_bnb_nested_quant: has no meaning without load_in_4bit: set it to false (was true)",
            .. new[] { "api_key_env", "requests_per_minute", "tokens_per_minute", "timeout", "max_retries", "supports_seed", "max_tokens_field" }
                .Select(key => $"endpoints.yaml:4: d.{key}: says how an endpoint is asked and has no meaning for a local model: it goes with base_url"),
        ], problems);
    }

    [Theory]
    [InlineData("", "endpoints.yaml: holds no model, expected at least one name with base_url or local below it")]
    [InlineData("a: {model: m}", "endpoints.yaml:1: a.base_url: is required, or local for a model on this machine")]
    [InlineData("a: {base_url: \"https://me:secret@example.com/v1\"}", "endpoints.yaml:1: a.base_url: holds a user or password: name the environment variable that holds the key in api_key_env")]
    public void A_file_that_cannot_be_used_says_why(string yaml, string problem) =>
        Assert.Equal(problem, Assert.Throws<ConfigException>(() => EndpointFile.Parse(yaml, "endpoints.yaml")).Message);

    [Theory]
    [InlineData("gpt", null, "models: gpt is no model of endpoints, which names no file; expected local:DIR or http://HOST/v1#MODEL")]
    [InlineData("gtp-4", "gpt-4: {base_url: \"http://x/v1\"}", "models: gtp-4 is no model of FILE (gpt-4); did you mean gpt-4?; expected one of those, local:DIR or http://HOST/v1#MODEL")]
    [InlineData("http://127.0.0.1:1/v1", null, "models: http://127.0.0.1:1/v1 names no model, expected the address and behind # what the endpoint calls the model: http://127.0.0.1:8080/v1#model")]
    [InlineData("ftp://127.0.0.1/v1#m", null, "models: ftp://127.0.0.1/v1#m: the address must be an address that begins with http:// or https://")]
    [InlineData("http://u:pw@127.0.0.1/v1#m", null, "models: http://***@127.0.0.1/v1#m: the address holds a user or password: name the environment variable that holds the key in api_key_env")]
    [InlineData("local:nowhere", null, "models: local:nowhere: nowhere holds no model (config.json or adapter_config.json), expected the folder of one on this machine")]
    public void A_name_that_stands_for_nothing_is_refused(string name, string? yaml, string message)
    {
        var file = yaml is null ? null : _folder.Write("endpoints.yaml", yaml);
        Assert.Equal(message.Replace("FILE", file, StringComparison.Ordinal), Assert.Throws<UserErrorException>(() => ModelPool.Of([("models", [name])], file)).Message);
    }
}
