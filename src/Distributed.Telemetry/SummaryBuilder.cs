using Distributed.Kernel;
using Distributed.Telemetry.Wire;
using Google.Protobuf;

namespace Distributed.Telemetry;

/// <summary>
/// Makes one encoded <c>tensorboard.Summary</c> of any number of values, one a tag. Not for several
/// threads at once.
/// </summary>
public sealed class SummaryBuilder
{
    internal const string TextPlugin = "text";
    internal const string PrCurvesPlugin = "pr_curves";
    internal const string CustomScalarsPlugin = "custom_scalars";

    /// <summary>What TensorBoard divides by where nothing was found.</summary>
    private const double CountMin = 1e-7;

    private readonly Summary summary = new();

    internal IReadOnlyList<Summary.Types.Value> Values => summary.Value;

    public SummaryBuilder Scalar(string tag, double value) =>
        Add(new Summary.Types.Value { Tag = tag, SimpleValue = (float)value });

    /// <param name="tag">Parts before a slash are groups.</param>
    /// <param name="width">In pixels.</param>
    /// <param name="height">In pixels.</param>
    /// <param name="channels">1 is grey, 3 is RGB.</param>
    /// <param name="png">The picture of that size.</param>
    /// <param name="description">Markdown. TensorBoard keeps the first one of a tag.</param>
    public SummaryBuilder Image(
        string tag, int width, int height, int channels, ReadOnlySpan<byte> png,
        string description = "") => Add(new Summary.Types.Value
        {
            Tag = tag,
            Image = new Summary.Types.Image
            {
                Height = height,
                Width = width,
                Colorspace = channels,
                EncodedImageString = ByteString.CopyFrom(png),
            },
            Metadata = description.Length > 0
                ? new SummaryMetadata { SummaryDescription = description }
                : null,
        });

    /// <summary>
    /// Where values are not finite, their number is told beside it as <c>tag/not_finite</c>.
    /// </summary>
    public SummaryBuilder Histogram(string tag, HistogramCounts counts)
    {
        var histogram = new HistogramProto
        {
            Min = counts.Min,
            Max = counts.Max,
            Num = counts.Count,
            Sum = counts.Sum,
            SumSquares = counts.SumOfSquares,
        };
        foreach (var (limit, count) in counts.Buckets())
        {
            histogram.BucketLimit.Add(limit);
            histogram.Bucket.Add(count);
        }
        if (counts.Count == 0)
        {
            histogram.BucketLimit.Add(0);
            histogram.Bucket.Add(0);
        }
        Add(new Summary.Types.Value { Tag = tag, Histo = histogram });
        return counts.NotFinite > 0 ? Scalar($"{tag}/not_finite", counts.NotFinite) : this;
    }

    public SummaryBuilder Text(string tag, string markdown) =>
        Tensor(tag, TextPlugin, Texts([], [markdown]));

    /// <param name="tag">Parts before a slash are groups.</param>
    /// <param name="cells">Rows of columns, the first row being the head. Each is Markdown.</param>
    public SummaryBuilder TextTable(string tag, string[,] cells) => Tensor(
        tag, TextPlugin,
        Texts([cells.GetLength(0), cells.GetLength(1)], cells.Cast<string>()));

    /// <summary>
    /// Precision over recall as the threshold rises, from which on a sample is taken for one of the
    /// class.
    /// </summary>
    /// <param name="tag">Parts before a slash are groups.</param>
    /// <param name="labels">Which samples are of the class.</param>
    /// <param name="predictions">The probability that each was given, 0 to 1.</param>
    /// <param name="thresholds">How many, evenly from 0 to 1; two or more.</param>
    public SummaryBuilder PrCurve(
        string tag, ReadOnlySpan<bool> labels, ReadOnlySpan<float> predictions,
        int thresholds = 127)
    {
        Invariant.Check(
            labels.Length == predictions.Length && thresholds >= 2,
            $"{labels.Length} labels have {predictions.Length} predictions");
        var right = new double[thresholds];
        var wrong = new double[thresholds];
        for (var sample = 0; sample < labels.Length; sample++)
        {
            var certainty = float.IsNaN(predictions[sample]) ? 0 : predictions[sample];
            var bucket = (int)(Math.Clamp(certainty, 0, 1) * (thresholds - 1));
            (labels[sample] ? right : wrong)[bucket]++;
        }
        for (var bucket = thresholds - 2; bucket >= 0; bucket--)
        {
            right[bucket] += right[bucket + 1];
            wrong[bucket] += wrong[bucket + 1];
        }
        var tensor = new TensorProto
        {
            Dtype = DataType.DtFloat,
            TensorShape = Shape(6, thresholds),
        };
        void Row(Func<int, double> value)
        {
            for (var bucket = 0; bucket < thresholds; bucket++)
            {
                tensor.FloatVal.Add((float)value(bucket));
            }
        }
        Row(bucket => right[bucket]);
        Row(bucket => wrong[bucket]);
        Row(bucket => wrong[0] - wrong[bucket]);
        Row(bucket => right[0] - right[bucket]);
        Row(bucket => right[bucket] / Math.Max(CountMin, right[bucket] + wrong[bucket]));
        Row(bucket => right[bucket] / Math.Max(CountMin, right[0]));
        var content = new PrCurvePluginData { NumThresholds = (uint)thresholds };
        return Tensor(tag, PrCurvesPlugin, tensor, content.ToByteString());
    }

    /// <summary>Which scalars are shown together in one chart.</summary>
    public SummaryBuilder Layout(ScalarsLayout layout)
    {
        var tensor = new TensorProto
        {
            Dtype = DataType.DtString,
            TensorShape = new TensorShapeProto(),
        };
        tensor.StringVal.Add(layout.ToWire().ToByteString());
        return Tensor(ScalarsLayout.Tag, CustomScalarsPlugin, tensor);
    }

    /// <summary>All values so far.</summary>
    public byte[] ToBytes() => summary.ToByteArray();

    private SummaryBuilder Tensor(
        string tag, string plugin, TensorProto tensor, ByteString? content = null) =>
        Add(new Summary.Types.Value
        {
            Tag = tag,
            Tensor = tensor,
            Metadata = new SummaryMetadata
            {
                PluginData = new SummaryMetadata.Types.PluginData
                {
                    PluginName = plugin,
                    Content = content ?? ByteString.Empty,
                },
                DataClass = DataClass.Tensor,
            },
        });

    private SummaryBuilder Add(Summary.Types.Value value)
    {
        summary.Value.Add(value);
        return this;
    }

    private static TensorProto Texts(ReadOnlySpan<int> sizes, IEnumerable<string> texts)
    {
        var tensor = new TensorProto { Dtype = DataType.DtString, TensorShape = Shape(sizes) };
        tensor.StringVal.AddRange(texts.Select(ByteString.CopyFromUtf8));
        return tensor;
    }

    private static TensorShapeProto Shape(params ReadOnlySpan<int> sizes)
    {
        var shape = new TensorShapeProto();
        foreach (var size in sizes)
        {
            shape.Dim.Add(new TensorShapeProto.Types.Dim { Size = size });
        }
        return shape;
    }
}
