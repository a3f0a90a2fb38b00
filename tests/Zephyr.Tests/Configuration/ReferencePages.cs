using System.Text;
using Zephyr.Configuration;
using Zephyr.Configuration.Foreign;

namespace Zephyr.Tests.Configuration;

/// <summary>The tables of docs/configuration.md and docs/coming-from-trl.md, written from the keys themselves.</summary>
internal static class ReferencePages
{
    private static readonly (string Stage, ConfigSchema Schema)[] Stages =
        [("sft", ConfigSchema.Of<SftConfig>()), ("aif", ConfigSchema.Of<AifConfig>()), ("dpo", ConfigSchema.Of<DpoConfig>()), ("clean", ConfigSchema.Of<CleanConfig>())];

    /// <summary>All keys by group; a group that several stages share stands once.</summary>
    public static string Keys()
    {
        var page = new StringBuilder();
        var groups = from stage in Stages
                     from key in stage.Schema.Keys
                     group stage.Stage by key.Group into stages
                     select (Name: stages.Key, Stages: stages.Distinct().ToArray());
        foreach (var (group, stages) in groups.OrderByDescending(group => group.Stages.Length == 2).ThenBy(group => group.Stages.Length))
        {
            page.Append($"\n## {group} ({string.Join(", ", stages)})\n\n| key | type | default | meaning |\n|---|---|---|---|\n");
            foreach (var key in SchemaOf(stages[0]).Keys.Where(key => key.Group == group))
                page.Append($"| `{key.Name}`{(key.Alias is null ? "" : $", also `{key.Alias}`")} | {TypeOf(key)} | {DefaultOf(key, stages)} | {Cell(key.Help)} |\n");
        }
        return page.ToString();
    }

    /// <summary>What becomes of every field of TRL, transformers and the handbook.</summary>
    public static string Fields()
    {
        var page = new StringBuilder();
        foreach (var program in ForeignFields.All)
        {
            page.Append($"\n## {program.Name}\n\n({program.About})\n\n| field | here |\n|---|---|\n");
            foreach (var field in program.Fields.Order(StringComparer.Ordinal))
            {
                var fates = program.Stages.Select(stage => (Stage: stage, Fate: FateOf(stage, field))).ToList();
                var text = fates.Select(fate => fate.Fate).Distinct().Count() == 1 ? fates[0].Fate
                    : string.Join("; ", fates.Select(fate => $"{fate.Stage}: {fate.Fate}"));
                page.Append($"| `{field}` | {Cell(text)} |\n");
            }
        }
        return page.ToString();
    }

    private static string FateOf(string stage, string field)
    {
        if (SchemaOf(stage).Foreign.TryGetValue(field, out var foreign)) return foreign.Meaning;
        if (SchemaOf(stage).Find(field) is not { } key) return SchemaOf(stage).ExplainForeign(field)!;
        var remark = ForeignValues.Remarks.TryGetValue(key.Name, out var text) ? $"; {text}" : "";
        return (key.Name == field ? "used" : $"used, as `{key.Name}`") + remark;
    }

    private static ConfigSchema SchemaOf(string stage) => Stages.Single(candidate => candidate.Stage == stage).Schema;

    private static string DefaultOf(ConfigKey key, string[] stages)
    {
        if (key.Required) return "required";
        var values = stages.Select(stage => (stage, Value: YamlText.Of(SchemaOf(stage).Find(key.Name)!.Default))).ToList();
        return values.Select(value => value.Value).Distinct().Count() == 1 ? $"`{values[0].Value}`" : string.Join(", ", values.Select(value => $"{value.stage} `{value.Value}`"));
    }

    private static string TypeOf(ConfigKey key) => key.Kind switch
    {
        ConfigKind.Text => "text",
        ConfigKind.Flag => "true, false",
        ConfigKind.Whole or ConfigKind.LongWhole => "whole number",
        ConfigKind.Number => "number",
        ConfigKind.TextList => "text or list",
        ConfigKind.NumberList => "number or list",
        _ => "{name: number}",
    };

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);
}
