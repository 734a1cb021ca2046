using Distributed.Telemetry;

namespace Distributed.Runtime.Recording;

/// <summary>
/// Puts the workers' shares of an epoch's test together. What is missing when the next epoch's
/// first share comes stays missing: a worker may have died.
/// </summary>
internal sealed class TestAssembly
{
    /// <summary>Of all probabilities, a byte each.</summary>
    private const long BytesMax = 1 << 26;

    private TestOutcome? _open;
    private int _lastEpoch;

    /// <summary>
    /// Takes a share. The outcomes are those that are complete with it, or will not be any
    /// more; the problem tells why it was not taken.
    /// </summary>
    public (IReadOnlyList<TestOutcome> Ready, string? Problem) Add(TestShare share)
    {
        if (share.Epoch <= _lastEpoch || share.Epoch < _open?.Epoch)
            return ([], $"a share of epoch {share.Epoch}, which is over");
        if ((long)share.SamplesTotal * share.ClassNames.Count > BytesMax)
        {
            return ([], $"a share of a test set of {share.SamplesTotal} images in "
                + $"{share.ClassNames.Count} classes, too large to be put together");
        }

        var ready = new List<TestOutcome>();
        if (share.Epoch > _open?.Epoch)
            ready.AddRange(TakeRest());
        _open ??= new TestOutcome(share);
        if (_open.Differs(share))
            return (ready, $"a share of epoch {share.Epoch} of another test set");
        _open.Add(share);
        if (_open.Missing == 0)
            ready.AddRange(TakeRest());
        return (ready, null);
    }

    /// <summary>What will not become complete any more, if anything has come.</summary>
    public IReadOnlyList<TestOutcome> TakeRest()
    {
        if (_open is not { } open)
            return [];
        _lastEpoch = open.Epoch;
        _open = null;
        return [open];
    }
}
