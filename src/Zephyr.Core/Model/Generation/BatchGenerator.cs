using System.Runtime.InteropServices;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Model.Generation;

/// <summary>
/// Continues many prompts at a time: every pass takes the next token of all answers that are under way, and new prompts join as rows and memory become free (continuous
/// batching). An answer's tokens are those it would have alone, to the bit on the CPU: its prompt goes through by itself, a pass has one of a few
/// numbers of rows (<see cref="RowCounts"/>), and attention sees whole blocks. Not for more than one thread at a time.
/// </summary>
public sealed class BatchGenerator : IDisposable
{
    private readonly MistralForCausalLM _model;
    private readonly BatchLimits _limits;
    private readonly KeyValueArena _arena;
    private readonly RowCounts _rows;
    private readonly List<BatchSequence> _waiting = [];
    private readonly List<BatchSequence> _active = [];
    private float[] _scores = [];

    /// <param name="model">Not trained while this is in use; stays the caller's.</param>
    /// <param name="limits">What it may take.</param>
    public BatchGenerator(MistralForCausalLM model, BatchLimits limits)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(limits);
        (_model, _limits) = (model, limits);
        var like = model.Parameters[WeightNames.Embedding];
        _rows = new(model, limits.MaxSequences);
        _arena = new(model.Config, limits.TokensFor(model.Config, (int)like.element_size(), DeviceMemory.Of(model.Device)?.Free), like.dtype, model.Device);
    }

    /// <summary>Answers under way.</summary>
    public int Active => _active.Count;

    /// <summary>Answers that wait for a place.</summary>
    public int Waiting => _waiting.Count;

    /// <summary>Tokens that prompt and answer may have together.</summary>
    public int Room => Math.Min(_model.Config.MaxPositionEmbeddings, _arena.Rows);

    /// <summary>Refuses a prompt that can never be continued. May be called from any thread.</summary>
    /// <exception cref="PromptTooLongException">It leaves no room for an answer.</exception>
    /// <exception cref="UserErrorException">It has no tokens, or ids that the model does not know.</exception>
    public void Require(int[] promptIds)
    {
        ArgumentNullException.ThrowIfNull(promptIds);
        if (promptIds.Length == 0) throw new UserErrorException("the prompt has no tokens");
        if (promptIds.Length >= Room)
            throw new PromptTooLongException(_arena.Rows < _model.Config.MaxPositionEmbeddings
                ? $"the prompt has {promptIds.Length} tokens, expected fewer than {Room}: prompt and answer must fit the cache (max_cache_tokens)"
                : $"the prompt has {promptIds.Length} tokens, the model was made for {Room} (max_position_embeddings)", promptIds.Length, Room);
        if (Array.FindIndex(promptIds, id => (uint)id >= (uint)_model.Config.VocabSize) is >= 0 and var unknown)
            throw new UserErrorException($"the prompt holds the token id {promptIds[unknown]}, the model knows ids from 0 to {_model.Config.VocabSize - 1} (vocab_size)");
    }

    /// <summary>Puts an answer at the end of the line.</summary>
    /// <exception cref="UserErrorException">As <see cref="Require"/>.</exception>
    public void Add(BatchSequence sequence)
    {
        ArgumentNullException.ThrowIfNull(sequence);
        Require(sequence.Prompt.Ids);
        _waiting.Add(sequence);
    }

    /// <summary>Takes every answer that is under way one token on, at most; false where there is none.</summary>
    public bool Step()
    {
        Retire();
        Admit();
        if (_active.Count == 0) return false;
        try
        {
            using var noGradient = no_grad();
            using var scope = NewDisposeScope();
            ReadPrompts();
            Decode();
        }
#pragma warning disable CA1031 // Whatever went wrong in a pass (memory, most likely) ends the answers that were in it, and no others.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            foreach (var sequence in _active) sequence.Finish(AnswerEnd.Failed, failure);
        }
        Retire();
        return true;
    }

    /// <summary>Ends all that is under way or waits.</summary>
    public void CancelAll()
    {
        foreach (var sequence in _active.Concat(_waiting)) sequence.Finish(AnswerEnd.Cancelled);
        Retire();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        CancelAll();
        _arena.Dispose();
    }

    private int MostTokens(BatchSequence sequence) => Math.Min(sequence.Sampling.MaxNewTokens, Room - sequence.Prompt.Ids.Length);

    private void Retire()
    {
        foreach (var sequence in _active.Concat(_waiting))
            if (sequence.IsGivenUp) sequence.Finish(AnswerEnd.Cancelled);
        foreach (var sequence in _active.Where(sequence => sequence.End is not null))
        {
            _arena.GiveBack(sequence.Range);
            if (sequence.Prompt.Holder == sequence) (sequence.Prompt.Holder, sequence.Prompt.Scores) = (null, null);
        }
        _active.RemoveAll(sequence => sequence.End is not null);
        _waiting.RemoveAll(sequence => sequence.End is not null);
    }

    /// <summary>In the order of arrival: a long one is not overtaken for ever by short ones.</summary>
    private void Admit()
    {
        while (_waiting.Count > 0 && _active.Count < _limits.MaxSequences)
        {
            var next = _waiting[0];
            if (_arena.TryTake(next.Prompt.Ids.Length + MostTokens(next)) is not { } range) return;
            next.Range = range;
            _active.Add(next);
            _waiting.RemoveAt(0);
        }
    }

    /// <summary>Prompts in pieces that begin at fixed places, so that their numbers do not depend on how many fit this pass.</summary>
    private void ReadPrompts()
    {
        var left = _limits.PrefillTokens;
        foreach (var sequence in _active.Where(sequence => sequence.Next is null && sequence.End is null))
        {
            var prompt = sequence.Prompt;
            prompt.Holder ??= sequence;
            if (prompt.Holder != sequence)
            {
                if (prompt.Scores is null) continue;
                _arena.Copy(prompt.Holder.Range, sequence.Range, prompt.Ids.Length);
                sequence.Length = prompt.Ids.Length;
            }
            while (left > 0 && sequence.Length < prompt.Ids.Length)
            {
                var count = Math.Min(_limits.PrefillTokens, prompt.Ids.Length - sequence.Length);
                ReadPiece(sequence, count);
                left -= count;
            }
            if (sequence.Length < prompt.Ids.Length) return;
            ClearRestOfBlock(sequence);
            float[] scores = [.. prompt.Scores!];
            sequence.Take(sequence.TryChoose(scores), _model.Config.EosTokenId, MostTokens(sequence));
        }
    }

    private void ReadPiece(BatchSequence sequence, int count)
    {
        using var scope = NewDisposeScope();
        using var cache = new KeyValueCache(_model.Config, _arena, sequence.Range, sequence.Length);
        var (ids, start) = (sequence.Prompt.Ids, sequence.Length);
        var hidden_TD = _model.HiddenStates(ids[start..(start + count)], [.. Enumerable.Range(start, count)], cache);
        sequence.Length += count;
        if (sequence.Length < ids.Length) return;
        var logits_1V = _model.Logits(hidden_TD.narrow(0, count - 1, 1)).cpu();
        sequence.Prompt.Scores = MemoryMarshal.Cast<byte, float>(logits_1V.bytes).ToArray();
    }

    private void Decode()
    {
        var sequences = _active.Where(sequence => sequence.Next is not null && sequence.End is null).ToList();
        if (sequences.Count == 0) return;
        foreach (var sequence in sequences.Where(sequence => sequence.Length % KeyValueArena.Block == 0)) ClearRestOfBlock(sequence, 1);
        var rows = _rows.For(sequences.Count);
        var (ids, positions) = (new int[rows], new int[rows]);
        for (var n = 0; n < sequences.Count; n++) (ids[n], positions[n]) = (sequences[n].Next!.Value, sequences[n].Length);
        using var attention = new DecodeAttention(_arena, [.. sequences.Select(sequence => (sequence.Range, sequence.Length))],
            _model.Config.SlidingWindow, _model.Parameters[WeightNames.Embedding]);
        var logits_MV = _model.Logits(_model.HiddenStates(ids, positions, attention)).cpu();
        var width = (int)logits_MV.shape[1];
        if (_scores.Length < rows * width) _scores = new float[rows * width];
        MemoryMarshal.Cast<byte, float>(logits_MV.bytes).CopyTo(_scores);

        var chosen = new ChosenToken?[sequences.Count];
        void Choose(int n)
        {
            sequences[n].Length++;
            chosen[n] = sequences[n].TryChoose(_scores.AsSpan(n * width, width));
        }
        // A draw from 32,000 scores takes a third of a millisecond: not worth a thread for one or two.
        if (sequences.Count > 2 && sequences.Count * width > 1 << 16) Parallel.For(0, sequences.Count, Choose);
        else for (var n = 0; n < sequences.Count; n++) Choose(n);
        for (var n = 0; n < sequences.Count; n++) sequences[n].Take(chosen[n], _model.Config.EosTokenId, MostTokens(sequences[n]));
    }

    /// <summary>What stands behind the sequence in its last block, or in the one that it is about to enter.</summary>
    private void ClearRestOfBlock(BatchSequence sequence, int entering = 0)
    {
        var end = Math.Min(sequence.Range.Length, KeyValueArena.Whole(sequence.Length + entering));
        _arena.Clear(sequence.Range.Start + sequence.Length, end - sequence.Length);
    }
}
