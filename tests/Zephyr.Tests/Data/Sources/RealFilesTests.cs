using System.Security.Cryptography;
using System.Text;
using Zephyr.Data;
using Zephyr.Data.Sources;

namespace Zephyr.Tests.Data.Sources;

/// <summary>Files as Hugging Face datasets, arrow and DuckDB write them.</summary>
public class RealFilesTests
{
    [Theory]
    [InlineData("sft/capybara_test.parquet", 200, 14, "How can I innovate today?")]
    [InlineData("sft/deita_test_sft_subset_arrow15.parquet", 5, 44, "make a snakemake workflow starting with whole ge")]
    [InlineData("sft/openinstruct_sft_sample.jsonl", 100, null, "Create a snippet of Terraform HCL code that crea")]
    [InlineData("parquet/turkish_dialogues_test_zstd_arrow21.parquet", 525, null, "Hazır buradayken birkaç ayrıntıyı netleştirebili")]
    [InlineData("parquet/derived_ufb_schema_duckdb_snappy.parquet", 1000, 2, "how to cook t-bone in the oven")]
    public void Conversations(string name, int rows, int? longest, string firstTurn)
    {
        var conversations = ConversationSchema.Read([SharedFolder.PathOf("data/" + name)]).ToArray();
        Assert.Equal(rows, conversations.Length);
        if (longest is not null) Assert.Equal(longest, conversations.Max(conversation => conversation.Messages.Count));
        Assert.Equal(ChatMessage.User, conversations[0].Messages[0].Role);
        Assert.StartsWith(firstTurn, conversations[0].Messages[0].Content);
        Assert.All(conversations, conversation => Assert.All(conversation.Messages, message => Assert.NotNull(message.Content)));
    }

    [Theory]
    [InlineData("preference/ultrafeedback_trl_train_1000.jsonl", 1000, "how to cook t-bone in the oven")]
    [InlineData("preference/ultrafeedback_trl_eval_200.jsonl", 200, "Write a Java program that prompts the user to ente")]
    [InlineData("preference/tulu3_preference_sample_100.jsonl", 100, "Your entire response should be in English, and in")]
    [InlineData("parquet/derived_ufb_schema_duckdb_snappy.parquet", 1000, "how to cook t-bone in the oven")]
    [InlineData("parquet/derived_ufb_schema_duckdb_gzip.parquet", 100, "how to cook t-bone in the oven")]
    [InlineData("parquet/derived_ufb_schema_duckdb_zstd_v2.parquet", 100, "how to cook t-bone in the oven")]
    public void Preferences(string name, int rows, string firstTurn)
    {
        var pairs = PreferenceSchema.Read([SharedFolder.PathOf("data/" + name)]).ToArray();
        Assert.Equal(rows, pairs.Length);
        Assert.StartsWith(firstTurn, pairs[0].Prompt[0].Content);
        Assert.All(pairs, pair => Assert.Equal(ChatMessage.User, pair.Prompt[^1].Role));
        Assert.All(pairs, pair => Assert.Equal(ChatMessage.Assistant, Assert.Single(pair.Chosen).Role));
        Assert.All(pairs, pair => Assert.Equal(ChatMessage.Assistant, Assert.Single(pair.Rejected).Role));
    }

    [Theory]
    [InlineData("parquet/derived_ufb_schema_duckdb_snappy.parquet")]
    [InlineData("parquet/derived_ufb_schema_duckdb_gzip.parquet")]
    [InlineData("parquet/derived_ufb_schema_duckdb_zstd_v2.parquet")]
    public void Every_writer_s_pairs_are_those_of_the_text_rows_they_were_made_from(string name)
    {
        var texts = PreferenceSchema.Read([SharedFolder.PathOf("data/preference/ultrafeedback_trl_train_1000.jsonl")]);
        foreach (var (derived, text) in PreferenceSchema.Read([SharedFolder.PathOf("data/" + name)]).Zip(texts))
        {
            Assert.Equal(text.Prompt, derived.Prompt);
            Assert.Equal(text.Chosen, derived.Chosen);
            Assert.Equal(text.Rejected, derived.Rejected);
        }
    }

    [Fact]
    public void A_prompt_id_is_the_sha256_of_the_prompt()
    {
        var file = SharedFolder.PathOf("data/parquet/derived_ufb_schema_duckdb_snappy.parquet");
        foreach (var row in RowReader.Read([file], (_, _) => ["prompt", "prompt_id"]))
            Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes((string)row["prompt"]!))), row["prompt_id"]);
    }

    [Fact]
    public void Four_of_the_real_pairs_have_equal_answers() =>
        Assert.Equal(4, PreferenceSchema.Read([SharedFolder.PathOf("data/preference/ultrafeedback_trl_train_1000.jsonl")])
            .Count(pair => pair.Chosen.SequenceEqual(pair.Rejected)));

    [Theory]
    [InlineData("alpaca_eval_gpt4turbo_300x8.jsonl", 300, 8, "chatglm2-6b")]
    [InlineData("ultrafeedback_raw_shape_200x4.jsonl", 200, 4, "pythia-12b-mix-sft")]
    public void Feedback(string name, int rows, int answers, string firstModel)
    {
        var prompts = FeedbackSchema.Read([SharedFolder.PathOf("data/feedback/" + name)]).ToArray();
        Assert.Equal(rows, prompts.Length);
        Assert.All(prompts, prompt => Assert.Equal(answers, prompt.Completions.Count));
        Assert.StartsWith("Based on the information provided, you need to", prompts[0].Prompt);
        Assert.Equal(firstModel, prompts[0].Completions[0].Model);
    }
}
