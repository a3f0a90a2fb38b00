using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Zephyr.Configuration;

/// <summary>One "key: value" of a YAML file.</summary>
internal sealed record YamlEntry(string Key, int Line, YamlValue Value);

/// <summary>
/// A YAML file that is one flat mapping, read from the parser's events: they carry the line of every key, and nothing is guessed
/// about types. What has no place in such a file (a second document, anchors, tags) is a problem, and reading goes on behind it.
/// </summary>
internal sealed class FlatYaml
{
    // A config has some 120 keys, and nothing in it is more than two deep.
    private const int MostEntries = 1000, MostItems = 100_000, MostDeep = 64;

    private readonly Parser _parser;
    private readonly List<YamlEntry> _entries = [];
    private readonly List<(int Line, string Key, string Message)> _problems = [];
    private int _line = 1, _depth, _events;

    private FlatYaml(string text) => _parser = new Parser(new StringReader(text));

    public IReadOnlyList<YamlEntry> Entries => _entries;

    public IReadOnlyList<(int Line, string Key, string Message)> Problems => _problems;

    /// <summary>Reading stopped early: what is missing may stand further down.</summary>
    public bool Incomplete { get; private set; }

    public static FlatYaml Parse(string text)
    {
        var yaml = new FlatYaml(text);
        try
        {
            yaml.ReadStream();
        }
        catch (YamlException broken)
        {
            // The parser's sentence starts with a capital and ends with a full stop; ours stands behind a colon.
            var reason = broken.Message.TrimEnd('.');
            yaml.GiveUp((int)broken.Start.Line, $"is not YAML: {char.ToLowerInvariant(reason[0])}{reason[1..]}");
        }
        catch (EndlessException endless)
        {
            yaml.GiveUp(yaml._line, endless.Message);
        }
        catch (Exception)
        {
            // The parser fails on some broken texts, an open list among them, in ways of its own: those exceptions say nothing to a reader.
            yaml.GiveUp(yaml._line, "is not YAML: here or in the lines below it a list, a mapping or a quoted text has no end");
        }

        return yaml;
    }

    /// <summary>The value of an option: lists and quoted texts are YAML, all else stands as it was typed ("*.parquet" is no alias there).</summary>
    public static YamlValue ParseValue(string text)
    {
        if (!Regex.IsMatch(text, @"^\s*[\[{'""]")) return new YamlScalar(1, text.Trim(), Quoted: false);
        try
        {
            var yaml = new FlatYaml("v: " + text);
            yaml.ReadStream();
            if (yaml._problems.Count == 0 && yaml._entries.Count == 1) return yaml._entries[0].Value;
            return new YamlInvalid(1, yaml._problems.Select(problem => problem.Message).FirstOrDefault() ?? "is not one YAML value");
        }
        catch (Exception)
        {
            // Whatever the parser throws, the text is at fault: see Parse.
            return new YamlInvalid(1, $"is not YAML (was {text})");
        }
    }

    private void GiveUp(int line, string problem)
    {
        Incomplete = true;
        _problems.Add((line, "", problem));
    }

    private bool MoveNext()
    {
        if (!_parser.MoveNext()) return false;
        _line = LineOf(_parser.Current!);
        _depth += _parser.Current!.NestingIncrease;
        // The parser looks through all open brackets at every token.
        if (_depth > MostDeep) throw new EndlessException($"lists and mappings are more than {MostDeep} deep here");
        if (_entries.Count > MostEntries || ++_events > MostItems) throw new EndlessException("there is more here than any config has keys and values");
        return true;
    }

    private void ReadStream()
    {
        var documents = 0;
        while (MoveNext())
            switch (_parser.Current)
            {
                case DocumentStart start when ++documents == 2:
                    _problems.Add((LineOf(start), "", "a second document starts here: a config is one document"));
                    Incomplete = true;
                    return;
                case MappingStart start:
                    CheckPlain(start, "");
                    ReadMapping();
                    break;
                case Scalar { Value: "", Style: ScalarStyle.Plain }:
                    break;
                case NodeEvent or AnchorAlias:
                    _problems.Add((LineOf(_parser.Current), "", $"found {Describe(_parser.Current)}, expected \"key: value\" lines"));
                    Skip();
                    break;
            }
    }

    private void ReadMapping()
    {
        while (MoveNext() && _parser.Current is not MappingEnd)
        {
            var at = _parser.Current!;
            var key = at is Scalar scalar ? scalar.Value : null;
            if (key is null) _problems.Add((LineOf(at), "", $"found {Describe(at)} as a key, expected a name"));
            else CheckPlain(at, key);
            Skip();
            MoveNext();
            var before = _problems.Count;
            var value = ReadValue(key ?? "");
            if (key is not null && _problems.Count == before) _entries.Add(new(key, LineOf(at), value));
        }
    }

    private YamlValue ReadValue(string key)
    {
        var node = _parser.Current!;
        CheckPlain(node, key);
        switch (node)
        {
            case Scalar scalar:
                return new YamlScalar(LineOf(node), scalar.Value, scalar.Style != ScalarStyle.Plain);
            case SequenceStart:
                var items = new List<YamlScalar?>();
                while (MoveNext() && _parser.Current is not SequenceEnd)
                {
                    CheckPlain(_parser.Current!, key);
                    items.Add(_parser.Current is Scalar item ? new(LineOf(item), item.Value, item.Style != ScalarStyle.Plain) : null);
                    Skip();
                }

                return new YamlList(LineOf(node), items);
            case MappingStart:
                var pairs = new List<KeyValuePair<string, YamlScalar?>>();
                while (MoveNext() && _parser.Current is not MappingEnd)
                {
                    var name = _parser.Current as Scalar;
                    CheckPlain(_parser.Current!, key);
                    if (name is null) _problems.Add((LineOf(_parser.Current!), key, $"found {Describe(_parser.Current!)} as a name inside it, expected text"));
                    Skip();
                    MoveNext();
                    CheckPlain(_parser.Current!, key);
                    pairs.Add(new(name?.Value ?? "", _parser.Current is Scalar value ? new(LineOf(value), value.Value, value.Style != ScalarStyle.Plain) : null));
                    Skip();
                }

                return new YamlMapping(LineOf(node), pairs);
            default:
                return new YamlInvalid(LineOf(node), "");
        }
    }

    private void CheckPlain(ParsingEvent at, string key)
    {
        if (at is AnchorAlias)
            _problems.Add((LineOf(at), key, "aliases (*name) are not supported: write the value, in quotes where it starts with *"));
        if (at is NodeEvent { Anchor.IsEmpty: false })
            _problems.Add((LineOf(at), key, "anchors (&name) are not supported: write the value where it is needed"));
        if (at is NodeEvent { Tag: { IsEmpty: false, IsNonSpecific: false } })
            _problems.Add((LineOf(at), key, "tags (!name) are not supported: the key's type is known"));
    }

    /// <summary>Moves to the end of the node that starts here. A loop, not recursion: the depth is the file's to choose.</summary>
    private void Skip()
    {
        var depth = _parser.Current!.NestingIncrease;
        while (depth > 0 && MoveNext()) depth += _parser.Current!.NestingIncrease;
    }

    /// <summary>The text is YAML, and more of it than any config is.</summary>
    private sealed class EndlessException(string message) : Exception(message);

    private static int LineOf(ParsingEvent at) => (int)at.Start.Line;

    private static string Describe(ParsingEvent at) => at switch
    {
        SequenceStart => "a list",
        MappingStart => "a mapping",
        AnchorAlias => "an alias",
        _ => "a single value",
    };
}
