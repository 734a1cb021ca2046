using Distributed.Telemetry;
using Distributed.Training.Data;

namespace Distributed.Runtime.Recording;

/// <summary>What a network makes of a test set, or of the part of it that is known.</summary>
internal sealed class TestOutcome
{
    private const int Unknown = -1;

    private readonly int[] _labels;
    private readonly int[] _predicted;
    private readonly byte[] _probabilities;
    private readonly SortedDictionary<int, ReadOnlyMemory<byte>> _pixels = [];

    /// <param name="share">Any one of the test; it has to be added too.</param>
    public TestOutcome(TestShare share)
    {
        Epoch = share.Epoch;
        Step = share.Step;
        ClassNames = share.ClassNames;
        _labels = new int[share.SamplesTotal];
        _labels.AsSpan().Fill(Unknown);
        _predicted = new int[share.SamplesTotal];
        _probabilities = new byte[share.SamplesTotal * share.ClassNames.Count];
        Missing = share.SamplesTotal;
    }

    public int Epoch { get; }

    public long Step { get; }

    public IReadOnlyList<string> ClassNames { get; }

    public int Total => _labels.Length;

    /// <summary>Images of which nothing is known.</summary>
    public int Missing { get; private set; }

    /// <summary>Of the pictures; without any it has no meaning.</summary>
    public ImageShape Shape { get; private set; }

    private int Classes => ClassNames.Count;

    public bool Differs(TestShare share) =>
        share.Epoch != Epoch || share.Step != Step || share.SamplesTotal != Total
        || !share.ClassNames.SequenceEqual(ClassNames);

    /// <summary>Of an image that two shares have, the first one's stays.</summary>
    public void Add(TestShare share)
    {
        for (int sample = 0; sample < share.Count; sample++)
        {
            int index = share.Indices[sample];
            if (_labels[index] != Unknown)
                continue;
            _labels[index] = share.Labels[sample];
            _predicted[index] = share.Predicted[sample];
            share.ProbabilitiesOf(sample)
                .CopyTo(_probabilities.AsSpan(index * Classes, Classes));
            Missing--;
        }

        var shape = new ImageShape(share.Channels, share.Height, share.Width);
        foreach ((int index, ReadOnlyMemory<byte> pixels) in share.Pictures)
        {
            if (_pixels.Count == 0)
                Shape = shape;
            if (shape == Shape)
                _pixels[index] = pixels;
        }
    }

    /// <summary>How often each class was taken for each other one.</summary>
    public int[,] Confusion()
    {
        int[,] counts = new int[Classes, Classes];
        for (int index = 0; index < Total; index++)
        {
            if (_labels[index] != Unknown)
                counts[_labels[index], _predicted[index]]++;
        }

        return counts;
    }

    /// <summary>
    /// Those of which there are pictures, the most certain ones first; the same in whatever order
    /// shares have come.
    /// </summary>
    public IReadOnlyList<(int Index, int Label, int Predicted, double Certainty)> Mistakes() =>
    [
        .. _pixels.Keys
            .Where(index => _labels[index] != Unknown && _labels[index] != _predicted[index])
            .Select(index => (
                index, _labels[index], _predicted[index],
                ProbabilityOf(index, _predicted[index])))
            .OrderByDescending(mistake => mistake.Item4).ThenBy(mistake => mistake.index),
    ];

    public ReadOnlyMemory<byte> PixelsOf(int index) => _pixels[index];

    /// <summary>Which of the known images are of a class, and how probable that was
    /// thought.</summary>
    public (bool[] Labels, float[] Predictions) Of(int classPlace)
    {
        var labels = new bool[Total - Missing];
        var predictions = new float[labels.Length];
        int known = 0;
        for (int index = 0; index < Total; index++)
        {
            if (_labels[index] == Unknown)
                continue;
            labels[known] = _labels[index] == classPlace;
            predictions[known++] = (float)ProbabilityOf(index, classPlace);
        }

        return (labels, predictions);
    }

    private double ProbabilityOf(int index, int classPlace) =>
        _probabilities[(index * Classes) + classPlace] / 255.0;
}
