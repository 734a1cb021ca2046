using System.Text.Unicode;
using Distributed.Telemetry.Wire;
using Google.Protobuf;

namespace Distributed.Telemetry;

/// <summary>
/// The values of a summary that came from another process, without those that are not as
/// <see cref="SummaryBuilder"/> makes them: TensorBoard would show nonsense, or nothing at all.
/// </summary>
public sealed class AttachedSummary
{
    public const int BytesMax = 1 << 24, ValuesMax = 1 << 12, TagLengthMax = 200;

    private const int DescriptionLengthMax = 1 << 12, ThresholdsMax = 1 << 12;
    private const int PictureSideMax = 1 << 14;

    private static readonly MessageParser<Summary> Parser =
        Summary.Parser.WithDiscardUnknownFields(true);

    private AttachedSummary(
        IReadOnlyList<Summary.Types.Value> values, IReadOnlyList<string> refused)
    {
        Values = values;
        Refused = refused;
    }

    /// <summary>What is wrong with each value that was left out, or with the whole.</summary>
    public IReadOnlyList<string> Refused { get; }

    internal IReadOnlyList<Summary.Types.Value> Values { get; }

    /// <summary>What this process has made itself.</summary>
    public static AttachedSummary Of(SummaryBuilder summary) => new(summary.Values, []);

    /// <param name="bytes">One encoded summary.</param>
    /// <param name="isReserved">Tags that are not the sender's to write.</param>
    public static AttachedSummary Parse(
        ReadOnlyMemory<byte> bytes, Func<string, bool> isReserved)
    {
        if (bytes.Length > BytesMax)
        {
            return new AttachedSummary(
                [], [$"a summary of {bytes.Length} bytes, {BytesMax} at most"]);
        }
        Summary summary;
        try
        {
            summary = Parser.ParseFrom(bytes.Span);
        }
        catch (InvalidProtocolBufferException malformed)
        {
            return new AttachedSummary([], [$"no summary ({malformed.Message})"]);
        }
        if (summary.Value.Count > ValuesMax)
        {
            return new AttachedSummary(
                [], [$"a summary of {summary.Value.Count} values, {ValuesMax} at most"]);
        }
        var values = new List<Summary.Types.Value>();
        var refused = new List<string>();
        foreach (var value in summary.Value)
        {
            var problem = ProblemOfTag(value.Tag)
                ?? (isReserved(value.Tag) ? $"{value.Tag} is not a worker's to write" : null)
                ?? (ProblemOf(value) is { } found ? $"{value.Tag} {found}" : null);
            if (problem is null)
            {
                values.Add(value);
            }
            else
            {
                refused.Add(problem);
            }
        }
        return new AttachedSummary(values, refused);
    }

    private static string? ProblemOfTag(string tag) =>
        tag.Length is 0 or > TagLengthMax ? $"a tag of {tag.Length} characters"
        : tag.Any(char.IsControl) ? "a tag with control characters"
        : tag.Trim() != tag || tag.Split('/').Any(part => part.Trim().Length == 0)
            ? $"the tag '{tag}', of which a part is empty"
        : tag[0] == '_' || tag.Contains("__", StringComparison.Ordinal)
            ? $"the tag '{tag}', which is TensorBoard's own"
        : null;

    private static string? ProblemOf(Summary.Types.Value value)
    {
        var metadata = value.Metadata;
        var plugin = metadata?.PluginData?.PluginName ?? "";
        if (metadata is not null
            && (metadata.DisplayName.Length > 0
                || metadata.SummaryDescription.Length > DescriptionLengthMax))
        {
            return "has another name or a long description";
        }
        var isTensor = value.ValueCase == Summary.Types.Value.ValueOneofCase.Tensor;
        if (metadata is not null
            && metadata.DataClass != (isTensor ? DataClass.Tensor : DataClass.Unknown))
        {
            return $"is of the class {metadata.DataClass}";
        }
        return value.ValueCase switch
        {
            Summary.Types.Value.ValueOneofCase.SimpleValue when metadata is null => null,
            Summary.Types.Value.ValueOneofCase.Image when plugin.Length == 0 =>
                ProblemOf(value.Image),
            Summary.Types.Value.ValueOneofCase.Histo when metadata is null =>
                ProblemOf(value.Histo),
            Summary.Types.Value.ValueOneofCase.Tensor when plugin == SummaryBuilder.TextPlugin =>
                ProblemOfTexts(value.Tensor, metadata!.PluginData.Content),
            Summary.Types.Value.ValueOneofCase.Tensor
                when plugin == SummaryBuilder.PrCurvesPlugin =>
                ProblemOfCurve(value.Tensor, metadata!.PluginData.Content),
            _ => $"is {value.ValueCase} of the plugin '{plugin}'",
        };
    }

    private static string? ProblemOf(Summary.Types.Image image)
    {
        if (image.Width is <= 0 or > PictureSideMax || image.Height is <= 0 or > PictureSideMax)
        {
            return $"is a picture of {image.Width}x{image.Height}";
        }
        return PngHeader.TryRead(image.EncodedImageString.Span) is { } header
            && header == (image.Width, image.Height, image.Colorspace)
            ? null
            : "is a picture whose PNG has not the size and the colours that it names";
    }

    private static string? ProblemOf(HistogramProto histogram)
    {
        var (limits, counts) = (histogram.BucketLimit, histogram.Bucket);
        double[] totals =
        [
            histogram.Min, histogram.Max, histogram.Num, histogram.Sum, histogram.SumSquares,
        ];
        var isSound = limits.Count == counts.Count && limits.Count > 0
            && totals.All(double.IsFinite) && limits.All(double.IsFinite)
            && limits.Zip(limits.Skip(1)).All(pair => pair.First < pair.Second)
            && counts.All(count => count >= 0)
            && counts.Sum() == histogram.Num
            && histogram.Min <= histogram.Max;
        return isSound ? null : "is a histogram that does not add up";
    }

    private static string? ProblemOfTexts(TensorProto tensor, ByteString content)
    {
        var isSound = content.IsEmpty && tensor.FloatVal.Count == 0
            && tensor.Dtype == DataType.DtString
            && Elements(tensor) == tensor.StringVal.Count && tensor.TensorShape.Dim.Count <= 2
            && tensor.StringVal.All(text => Utf8.IsValid(text.Span));
        return isSound ? null : "is no text or table of texts";
    }

    private static string? ProblemOfCurve(TensorProto tensor, ByteString content)
    {
        const int Rows = 6;
        var sizes = tensor.TensorShape?.Dim.Select(dimension => dimension.Size).ToArray();
        var isSound = tensor.Dtype == DataType.DtFloat
            && sizes is [Rows, > 1 and <= ThresholdsMax]
            && tensor.FloatVal.Count == Rows * sizes[1]
            && tensor.StringVal.Count == 0
            && tensor.FloatVal.All(float.IsFinite)
            && content.Span.SequenceEqual(
                new PrCurvePluginData { NumThresholds = (uint)sizes[1] }.ToByteArray());
        return isSound ? null : "is no precision-recall curve";
    }

    /// <summary>Minus one where the shape is missing or open.</summary>
    private static long Elements(TensorProto tensor)
    {
        long elements = tensor.TensorShape is null ? -1 : 1;
        foreach (var dimension in tensor.TensorShape?.Dim ?? [])
        {
            if (dimension.Size is < 0 or > BytesMax)
            {
                return -1;
            }
            elements = Math.Min(elements * dimension.Size, int.MaxValue);
        }
        return elements;
    }
}
