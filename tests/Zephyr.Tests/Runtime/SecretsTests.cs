using System.Collections;
using System.Text.Json.Nodes;
using Zephyr.Configuration;
using Zephyr.Runtime;

namespace Zephyr.Tests.Runtime;

public class SecretsTests
{
    [Theory]
    [InlineData("https://me:pass@host/model", "https://***@host/model")]
    [InlineData("https://t0ken@host/model is no folder", "https://***@host/model is no folder")]
    [InlineData("\"https://me:pa%40ss@host\"", "\"https://***@host\"")]
    [InlineData("https://host/x?token=abc&rows=3", "https://host/x?token=***&rows=3")]
    [InlineData("s3://b/k?X-Amz-Signature=0af&X-Amz-Date=1", "s3://b/k?X-Amz-Signature=***&X-Amz-Date=***")]
    [InlineData("--hub_token hf_AbCdEfGhIjKlMnOpQr", "--hub_token ***")]
    [InlineData("sk-proj-0123456789abcdefghij", "***")]
    [InlineData("Authorization: Bearer abcdef.123456", "Authorization: Bearer ***")]
    public void What_opens_something_is_masked(string text, string masked)
    {
        Assert.Equal(masked, Secrets.Mask(text));
        Assert.Equal(masked, Secrets.Mask(masked));
    }

    [Theory]
    [InlineData("data/ultrachat/train@v2.jsonl")]
    [InlineData("https://host/model")]
    [InlineData("mail me@host: the key is under the mat")]
    [InlineData("eos_token was 2 and is 3, num_tokens=17")]
    [InlineData("runs/task-sk-and-nothing-of-the-kind-here")]
    [InlineData("/data/hf_home/x")]
    public void What_opens_nothing_is_not(string text) => Assert.Equal(text, Secrets.Mask(text));

    [Fact]
    public void Values_of_variables_that_are_named_as_secrets_are_masked_wherever_they_stand()
    {
        var environment = new Hashtable
        {
            ["HF_TOKEN"] = "abcdefgh-longer",
            ["MY_API_KEY"] = "abcdefgh",
            ["DB_PASSWORD"] = "short",
            ["TOKEN_FILE"] = "/home/me/token",
            ["HOME"] = "/home/somebody",
        };
        var values = Secrets.ValuesOf(environment).ToList();
        Assert.Equal(["abcdefgh-longer", "abcdefgh"], values);
        Assert.Equal("found *** and ***, short", Secrets.Mask("found abcdefgh-longer and abcdefgh, short", values));
    }

    [Fact]
    public void A_configuration_says_nothing_secret_of_itself_and_works_with_what_was_written()
    {
        var resolved = ConfigReader.ReadText<SftConfig>("model_name_or_path: https://me:pass@host/model\ndataset: [\"https://t0ken@host/a.jsonl\"]\noutput_dir: runs/x\n", "sft.yaml", []);
        Assert.Equal("https://me:pass@host/model", resolved.Value.Model.ModelNameOrPath);
        foreach (var text in new[] { resolved.ToJson().ToJsonString(), resolved.ToText() })
        {
            Assert.DoesNotContain("pass@", text, StringComparison.Ordinal);
            Assert.DoesNotContain("t0ken", text, StringComparison.Ordinal);
            Assert.Contains("https://***@host/model", text, StringComparison.Ordinal);
            Assert.Contains("https://***@host/a.jsonl", text, StringComparison.Ordinal);
        }
    }

    /// <summary>The written form of JSON escapes + and &amp;: what is looked for there is not found.</summary>
    [Fact]
    public void A_document_is_masked_before_it_is_written()
    {
        var record = new JsonObject
        {
            ["repeat"] = "zephyr sft --dataset 'https://host/x?rows=3&token=a+b/c=='",
            ["sha256"] = new JsonObject { ["https://host/y?v=1&sig=d+e"] = "00ff", ["https://u1@host/z"] = "01", ["https://u2@host/z"] = "02" },
            ["parts"] = new JsonArray(new JsonObject { ["seconds"] = 1.5, ["outcome"] = "finished" }, null),
        };
        Assert.Equal(
            """{"repeat":"zephyr sft --dataset 'https://host/x?rows=3&token=***'","sha256":{"https://host/y?v=1&sig=***":"00ff","https://***@host/z":"01"},"parts":[{"seconds":1.5,"outcome":"finished"},null]}""",
            Secrets.Mask(record)!.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));
    }
}
