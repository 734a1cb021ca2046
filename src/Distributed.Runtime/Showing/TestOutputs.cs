using System.Buffers;
using System.Runtime.CompilerServices;
using Distributed.Kernel;
using Distributed.Telemetry;
using Distributed.Training.Data;

namespace Distributed.Runtime.Showing;

/// <summary>
/// What a network made of a rank's share of the test set: taken down while it is evaluated, and
/// made messages of elsewhere. Its memory is lent; whoever made it disposes of it.
/// </summary>
internal sealed class TestOutputs(int samplesMax, int classes) : IDisposable
{
    /// <summary>A share is sent in parts of about this size.</summary>
    private const int PartBytes = 256 << 10;

    /// <summary>Numbers of a sample in a message, beside its probabilities.</summary>
    private const int SampleBytes = 6;

    /// <summary>Of a share: those that were most certainly taken for another class.</summary>
    private const int PicturesMax = 25;

    private const int PictureBytesMax = PartBytes;

    private readonly float[] _logits = ArrayPool<float>.Shared.Rent(samplesMax * classes);
    private readonly int[] _labels = ArrayPool<int>.Shared.Rent(samplesMax);
    private int _first;
    private int _count;

    /// <summary>A <see cref="Training.Step.TestObserver"/>: samples come in order.</summary>
    public void Observe(int firstSample, ReadOnlySpan<int> labels, ReadOnlySpan<float> logits)
    {
        if (_count == 0)
            _first = firstSample;
        Invariant.Check(firstSample == _first + _count, "test samples come in order");
        labels.CopyTo(_labels.AsSpan(_count));
        logits.CopyTo(_logits.AsSpan(_count * classes));
        _count += labels.Length;
    }

    /// <summary>The share, in parts of a size that can be sent.</summary>
    public IEnumerable<TestShare> ToShares(int epoch, long step, Dataset test)
    {
        int partSamples = Math.Max(1, PartBytes / (SampleBytes + classes));
        var probabilities = new float[_count * classes];
        for (int sample = 0; sample < _count; sample++)
        {
            int place = sample * classes;
            Softmax(_logits.AsSpan(place, classes), probabilities.AsSpan(place, classes));
        }

        List<int> shown = MostCertainlyWrong(probabilities, test.Shape);
        for (int begin = 0; begin < _count; begin += partSamples)
        {
            int end = Math.Min(begin + partSamples, _count);
            var share = new TestShare(epoch, step, test.Count, test.ClassNames);
            for (int sample = begin; sample < end; sample++)
            {
                share.Add(
                    _first + sample, _labels[sample],
                    probabilities.AsSpan(sample * classes, classes));
            }

            foreach (int sample in shown.Where(sample => sample >= begin && sample < end))
            {
                (int channels, int height, int width) = test.Shape;
                share.AddPicture(
                    _first + sample, test.Image(_first + sample), channels, height, width);
            }

            yield return share;
        }
    }

    public void Dispose()
    {
        ArrayPool<float>.Shared.Return(_logits);
        ArrayPool<int>.Shared.Return(_labels);
    }

    private List<int> MostCertainlyWrong(float[] probabilities, ImageShape shape)
    {
        int picturesMax = Math.Min(PicturesMax, PictureBytesMax / shape.Length);
        var wrong = new List<(int Sample, float Certainty)>();
        for (int sample = 0; sample < _count; sample++)
        {
            ReadOnlySpan<float> own = probabilities.AsSpan(sample * classes, classes);
            int best = 0;
            for (int place = 1; place < classes; place++)
                best = own[place] > own[best] ? place : best;
            if (best != _labels[sample])
                wrong.Add((sample, own[best]));
        }

        return
        [
            .. wrong.OrderByDescending(one => one.Certainty).Take(picturesMax)
                .Select(one => one.Sample),
        ];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Softmax(ReadOnlySpan<float> logits, Span<float> probabilities)
    {
        // Shifted by the largest, so that no exponential overflows.
        float largest = logits[0];
        foreach (float logit in logits)
            largest = Math.Max(largest, logit);
        float sum = 0;
        for (int place = 0; place < logits.Length; place++)
        {
            probabilities[place] = MathF.Exp(logits[place] - largest);
            sum += probabilities[place];
        }

        for (int place = 0; place < logits.Length; place++)
            probabilities[place] /= sum;
    }
}
