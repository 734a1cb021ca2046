using Distributed.Kernel;

namespace Distributed.Training.Data;

/// <summary>
/// Fills the input of one logical shard, or of a range of an evaluation: normalised images as
/// [n,C,H,W] and their labels. Allocates nothing a call. Not thread-safe; make one a thread.
/// </summary>
public sealed class BatchAssembler
{
    private readonly Dataset _dataset;
    private readonly ImageNormalizer _normalizer;

    public BatchAssembler(
        Dataset dataset, IReadOnlyList<double> mean, IReadOnlyList<double> standardDeviation)
    {
        _dataset = dataset;
        _normalizer = new ImageNormalizer(dataset.Shape, mean, standardDeviation);
    }

    public Dataset Dataset => _dataset;

    /// <summary>
    /// Writes the samples of one shard of a step, augmented, and returns how many there are. The
    /// result depends on the arguments alone.
    /// </summary>
    public int Shard(
        BatchPlan plan, AugmentationSettings augmentation, ulong seed, long step, int shard,
        Span<float> images, Span<int> labels)
    {
        Invariant.Check(
            plan.SampleCount == _dataset.Count, "the batch plan is for this dataset's samples");
        var (epoch, _, _) = plan.Locate(step);
        var (position, count) = plan.ShardRange(step, shard);
        CheckRoom(count, images.Length, labels.Length);
        var length = _dataset.Shape.Length;
        for (var index = 0; index < count; index++)
        {
            var sample = (int)plan.Sample(epoch, position + index);
            var output = images.Slice(index * length, length);
            labels[index] = _dataset.Label(sample);
            if (augmentation.ChangesNothing)
            {
                _normalizer.Write(_dataset.Image(sample), output);
                continue;
            }
            var change = Augmentation.Of(
                augmentation, _dataset.Shape, seed, step, shard, index, epoch, sample);
            _normalizer.Write(
                _dataset.Image(sample), output, change, augmentation.CropPaddingMode);
        }
        return count;
    }

    /// <summary>Writes samples first to first + count - 1 of the dataset, as they are.</summary>
    public void Range(int first, int count, Span<float> images, Span<int> labels)
    {
        CheckRoom(count, images.Length, labels.Length);
        var length = _dataset.Shape.Length;
        for (var index = 0; index < count; index++)
        {
            labels[index] = _dataset.Label(first + index);
            _normalizer.Write(
                _dataset.Image(first + index), images.Slice(index * length, length));
        }
    }

    /// <summary>
    /// Writes the same samples, each changed alike, what comes in being reflected.
    /// </summary>
    public void Range(
        int first, int count, in Augmentation change, Span<float> images, Span<int> labels)
    {
        CheckRoom(count, images.Length, labels.Length);
        var length = _dataset.Shape.Length;
        for (var index = 0; index < count; index++)
        {
            labels[index] = _dataset.Label(first + index);
            _normalizer.Write(
                _dataset.Image(first + index), images.Slice(index * length, length), change,
                CropPaddingMode.Reflect);
        }
    }

    private void CheckRoom(int count, int imageLength, int labelLength) =>
        Invariant.Check(
            imageLength >= (long)count * _dataset.Shape.Length && labelLength >= count,
            "a batch buffer holds its samples");
}
