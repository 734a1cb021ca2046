using System.Runtime.InteropServices;
using Distributed.Kernel;
using Distributed.Telemetry.Wire;
using Google.Protobuf;

namespace Distributed.Telemetry;

/// <summary>
/// What a worker found of its share of the test set at the end of an epoch. Whoever has the shares
/// of all workers knows what the network makes of the whole test set.
/// </summary>
public sealed class TestShare
{
    /// <summary>More would be no test set that anybody looks at.</summary>
    public const int SamplesMax = 1 << 20, ClassesMax = 1 << 10, PixelsMax = 1 << 16;

    private const int ClassNameLengthMax = 64;

    private readonly TestShareData data;
    private readonly List<byte> probabilities;

    /// <param name="epoch">From 1.</param>
    /// <param name="step">The epoch's last.</param>
    /// <param name="samplesTotal">Images in the whole test set.</param>
    /// <param name="classNames">Of all classes. Long ones are cut off, and control characters are
    /// spaces.</param>
    public TestShare(int epoch, long step, int samplesTotal, IReadOnlyList<string> classNames)
        : this(new TestShareData
        {
            Epoch = epoch,
            Step = step,
            SamplesTotal = samplesTotal,
            ClassName = { classNames.Select(NameLike) },
        })
    {
    }

    private TestShare(TestShareData data)
    {
        this.data = data;
        probabilities = [.. data.Probabilities.Span];
    }

    public int Epoch => data.Epoch;

    public long Step => data.Step;

    public int SamplesTotal => data.SamplesTotal;

    public IReadOnlyList<string> ClassNames => data.ClassName;

    /// <summary>Samples of the share.</summary>
    public int Count => data.Index.Count;

    public int Channels => data.Channels;

    public int Height => data.Height;

    public int Width => data.Width;

    /// <summary>In the test set, from 0, one for each sample of the share.</summary>
    public IReadOnlyList<int> Indices => data.Index;

    public IReadOnlyList<int> Labels => data.Label;

    public IReadOnlyList<int> Predicted => data.Predicted;

    /// <summary>By the places of their samples in the test set.</summary>
    public IEnumerable<(int Index, ReadOnlyMemory<byte> Pixels)> Pictures =>
        data.Picture.Select(picture => (picture.Index, picture.Pixels.Memory));

    /// <summary>Of each class for a sample of the share, 255 being certain.</summary>
    public ReadOnlySpan<byte> ProbabilitiesOf(int sample) =>
        CollectionsMarshal.AsSpan(probabilities)
            .Slice(sample * ClassNames.Count, ClassNames.Count);

    /// <param name="index">The sample's in the test set, from 0.</param>
    /// <param name="label">Its true class.</param>
    /// <param name="probabilitiesOfClasses">One a class, 0 to 1. The first of the largest is the
    /// predicted class.</param>
    public void Add(int index, int label, ReadOnlySpan<float> probabilitiesOfClasses)
    {
        Invariant.Check(
            probabilitiesOfClasses.Length == ClassNames.Count,
            $"{ClassNames.Count} classes have {probabilitiesOfClasses.Length} probabilities");
        data.Index.Add(index);
        data.Label.Add(label);
        var best = 0;
        for (var place = 0; place < probabilitiesOfClasses.Length; place++)
        {
            var probability = probabilitiesOfClasses[place];
            best = probability > probabilitiesOfClasses[best] ? place : best;
            var share = float.IsNaN(probability) ? 0 : Math.Clamp(probability, 0, 1);
            probabilities.Add((byte)Math.Round(255 * share));
        }
        data.Predicted.Add(best);
    }

    /// <summary>
    /// A sample of the share as a picture, as its dataset holds it: channel by channel, row by row.
    /// To be called for those that were taken for another class with the most certainty; all have
    /// one shape. Larger ones than <see cref="PixelsMax"/> pixels are left out.
    /// </summary>
    public void AddPicture(
        int index, ReadOnlySpan<byte> pixels, int channels, int height, int width)
    {
        if ((long)height * width > PixelsMax)
        {
            return;
        }
        (data.Channels, data.Height, data.Width) = (channels, height, width);
        data.Picture.Add(
            new TestPictureData { Index = index, Pixels = ByteString.CopyFrom(pixels) });
    }

    public byte[] ToBytes()
    {
        data.Probabilities = ByteString.CopyFrom(CollectionsMarshal.AsSpan(probabilities));
        return data.ToByteArray();
    }

    /// <summary>
    /// Reads what came from another process. Null where it is not whole or holds anything out of
    /// its bounds.
    /// </summary>
    public static TestShare? TryParse(ReadOnlyMemory<byte> bytes)
    {
        TestShareData read;
        try
        {
            read = TestShareData.Parser.ParseFrom(bytes.Span);
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
        return IsSound(read) ? new TestShare(read) : null;
    }

    /// <summary>
    /// A name that <see cref="IsSound"/> takes, of a class that is called anything.
    /// </summary>
    private static string NameLike(string name)
    {
        var cut = name.Length > ClassNameLengthMax ? name[..ClassNameLengthMax] : name;
        if (cut.Length > 0 && char.IsHighSurrogate(cut[^1]))
        {
            cut = cut[..^1];
        }
        return cut.Length == 0
            ? "?"
            : string.Concat(cut.Select(letter => char.IsControl(letter) ? ' ' : letter));
    }

    private static bool IsSound(TestShareData read)
    {
        var (samples, classes) = (read.Index.Count, read.ClassName.Count);
        var pixels = (long)read.Height * read.Width;
        bool IsClass(int place) => place >= 0 && place < classes;
        bool IsSample(int index) => index >= 0 && index < read.SamplesTotal;
        return read.Epoch > 0 && read.Step > 0
            && read.SamplesTotal is > 0 and <= SamplesMax
            && classes is > 0 and <= ClassesMax
            && read.ClassName.All(name => name.Length is > 0 and <= ClassNameLengthMax
                && !name.Any(char.IsControl))
            && samples <= read.SamplesTotal
            && read.Label.Count == samples && read.Predicted.Count == samples
            && read.Probabilities.Length == (long)samples * classes
            && read.Index.All(IsSample) && read.Label.All(IsClass) && read.Predicted.All(IsClass)
            && (read.Picture.Count == 0
                || (read.Channels is 1 or 3 && read.Height > 0 && read.Width > 0
                    && pixels <= PixelsMax))
            && read.Picture.All(picture => IsSample(picture.Index)
                && picture.Pixels.Length == pixels * read.Channels);
    }
}
