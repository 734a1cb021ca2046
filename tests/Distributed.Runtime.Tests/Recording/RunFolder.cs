using System.Text.Json;
using Distributed.Cluster.Jobs;
using Distributed.Runtime.Recording;
using Distributed.Telemetry;

namespace Distributed.Runtime.Tests.Recording;

/// <summary>A value of a tag as TensorBoard shows it.</summary>
internal readonly record struct Point(long Step, float Value);

/// <summary>A run folder of a test, read without the code that writes it.</summary>
internal sealed class RunFolder : IDisposable
{
    /// <summary>In memory where that can be: thousands of recorders flush their files.</summary>
    private static readonly string Parent =
        Directory.Exists("/dev/shm") ? "/dev/shm" : System.IO.Path.GetTempPath();

    public string Path { get; } =
        Directory.CreateDirectory(System.IO.Path.Combine(Parent, $"recording-{Guid.NewGuid():n}"))
            .FullName;

    public string MetricsPath => System.IO.Path.Combine(Path, MetricsFile.FileName);

    /// <summary>The event files in the order in which TensorBoard reads them.</summary>
    public IReadOnlyList<string> EventPaths =>
        [.. Directory.GetFiles(Path, "*tfevents*").Order(StringComparer.Ordinal)];

    public IReadOnlyList<EventFile> EventFiles => [.. EventPaths.Select(EventFileReader.Read)];

    public IReadOnlyList<JsonElement> Lines
    {
        get
        {
            string text = File.ReadAllText(MetricsPath);
            Assert.EndsWith("\n", text);
            return [.. text[..^1].Split('\n').Select(line => JsonDocument.Parse(line).RootElement)];
        }
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);

    public void Clear()
    {
        foreach (string file in Directory.GetFiles(Path))
            File.Delete(file);
    }

    public IEnumerable<JsonElement> LinesOf(string kind) =>
        Lines.Where(line => line.GetProperty("kind").GetString() == kind);

    public IEnumerable<long> Numbers(string kind, string field) =>
        LinesOf(kind).Select(line => line.GetProperty(field).GetInt64());

    public IEnumerable<(string Worker, long Sequence)> TimesOrigins() => LinesOf("times").Select(
        line => (line.GetProperty("worker").GetString()!, line.GetProperty("sequence").GetInt64()));

    /// <summary>
    /// Both of TensorBoard's loaders show all points that follow from metrics.jsonl, each once.
    /// </summary>
    public void ShowsItsMetrics()
    {
        SortedDictionary<string, List<Point>> expected = PointsOfMetrics();
        Assert.Equal(expected, PythonLoader());
        Assert.Equal(expected, RustLoader());
        Assert.Single(TextsShown());
    }

    /// <summary>No point had to be taken back: each is in the files once.</summary>
    public void HoldsEachPointOnce()
    {
        var points = EventFiles.SelectMany(file => file.Scalars)
            .Select(value => (value.Tag, value.Step)).ToList();
        Assert.Equal(points.Distinct(), points);
    }

    /// <summary>
    /// TensorBoard's loader in Python: a session's start purges its step and later ones of all
    /// tags.
    /// </summary>
    private SortedDictionary<string, List<Point>> PythonLoader()
    {
        var shown = new SortedDictionary<string, List<Point>>(StringComparer.Ordinal);
        foreach (EventFile file in EventFiles)
        {
            foreach (List<Point> points in shown.Values)
                points.RemoveAll(point => point.Step >= (file.StartStep ?? long.MaxValue));
            foreach (ScalarValue value in OfMetrics(file))
                Add(shown, value.Tag, new Point(value.Step, value.Value));
        }

        return shown;
    }

    /// <summary>What is known of a test comes beside the metrics.</summary>
    private static IEnumerable<ScalarValue> OfMetrics(EventFile file) => file.Scalars.Where(
        value => value.Tag.Split('/')[0] is not ("accuracy_by_class" or "test"));

    private IEnumerable<TextValue> TextsShown() => EventFiles.SelectMany(
        (file, index) => file.Texts.Where(text => text.Tag == "run"
            && EventFiles.Skip(index + 1).All(
                later => later.StartStep is null || later.StartStep > text.Step)));

    /// <summary>
    /// TensorBoard's loader in Rust: a step that does not rise drops that step and later ones of
    /// its tag.
    /// </summary>
    private SortedDictionary<string, List<Point>> RustLoader()
    {
        var shown = new SortedDictionary<string, List<Point>>(StringComparer.Ordinal);
        foreach (ScalarValue value in EventFiles.SelectMany(OfMetrics))
        {
            if (shown.TryGetValue(value.Tag, out List<Point>? points))
                points.RemoveAll(point => point.Step >= value.Step);
            Add(shown, value.Tag, new Point(value.Step, value.Value));
        }

        return shown;
    }

    /// <summary>Spelled out here once more, so that a mistake there cannot hide.</summary>
    private SortedDictionary<string, List<Point>> PointsOfMetrics()
    {
        var points = new SortedDictionary<string, List<Point>>(StringComparer.Ordinal);
        foreach (JsonElement line in Lines)
        {
            string kind = line.GetProperty("kind").GetString()!;
            string ofRank = kind == "times" ? $"rank/{line.GetProperty("rank").GetInt32()}/" : "";
            (string Tag, string Field)[] tags = kind switch
            {
                "step" =>
                [
                    ("loss/train", "loss"), ("accuracy/train", "accuracy"),
                    ("learning_rate", "learning_rate"),
                ],
                "epoch" =>
                [
                    ("loss/epoch", "train_loss"), ("accuracy/epoch", "train_accuracy"),
                    ("loss/test", "test_loss"), ("accuracy/test", "test_accuracy"),
                ],
                "times" =>
                [
                    (ofRank + "compute_ms", "compute_ms"),
                    (ofRank + "communication_ms", "communication_ms"),
                    (ofRank + "wait_ms", "wait_ms"),
                    (ofRank + "step_ms", "step_ms"),
                    (ofRank + "images_per_second", "images_per_second"),
                    .. ofRank == "rank/0/"
                        ? [("images_per_second", "images_per_second")]
                        : Array.Empty<(string, string)>(),
                ],
                _ => [],
            };
            foreach ((string tag, string field) in tags)
            {
                var point = new Point(
                    line.GetProperty("step").GetInt64(), Number(line.GetProperty(field)));
                if (!points.TryGetValue(tag, out List<Point>? others)
                    || others[^1].Step < point.Step)
                    Add(points, tag, point);
            }
        }

        return points;
    }

    private static float Number(JsonElement value) => value.ValueKind == JsonValueKind.String
        ? float.Parse(value.GetString()!, System.Globalization.CultureInfo.InvariantCulture)
        : (float)value.GetDouble();

    private static void Add(
        SortedDictionary<string, List<Point>> points, string tag, Point point)
    {
        if (!points.TryGetValue(tag, out List<Point>? known))
            points.Add(tag, known = []);
        known.Add(point);
    }
}
