using System.Buffers;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Distributed.Runtime.Metrics;

/// <summary>
/// All series of one instrument. Thread-safe. A series that is told again costs no memory.
/// </summary>
internal sealed class PrometheusFamily
{
    private static readonly double[] BoundsUnlessAdvised =
        [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000];

    [ThreadStatic]
    private static ArrayBufferWriter<char>? t_labels;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Series> _series = new(StringComparer.Ordinal);
    private readonly string _description;
    private readonly string _type;
    private readonly bool _isObserved;
    private readonly bool _isTotal;
    private readonly double[]? _bounds;
    private long _observation;

    public PrometheusFamily(Instrument instrument)
    {
        Type kind = instrument.GetType().GetGenericTypeDefinition();
        bool isCounter = kind == typeof(Counter<>) || kind == typeof(ObservableCounter<>);
        bool isHistogram = kind == typeof(Histogram<>);
        _type = isCounter ? "counter" : isHistogram ? "histogram" : "gauge";
        _isObserved = instrument.IsObservable;
        _isTotal = !_isObserved && kind != typeof(Gauge<>);
        _bounds = isHistogram
            ? [.. (instrument as Histogram<double>)?.Advice?.HistogramBucketBoundaries
                ?? BoundsUnlessAdvised]
            : null;
        _description = instrument.Description ?? "";
        Name = PrometheusName.Of(instrument, isCounter);
    }

    public string Name { get; }

    /// <summary>What is observed from now on is all there is.</summary>
    public void BeginObservation()
    {
        if (!_isObserved)
            return;
        lock (_gate)
            _observation++;
    }

    public void Take(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        ArrayBufferWriter<char> labels = t_labels ??= new ArrayBufferWriter<char>();
        labels.ResetWrittenCount();
        PrometheusLabels.Write(labels, tags);
        lock (_gate)
        {
            var byLabels = _series.GetAlternateLookup<ReadOnlySpan<char>>();
            if (!byLabels.TryGetValue(labels.WrittenSpan, out Series? series))
                _series.Add(new string(labels.WrittenSpan), series = new Series(_bounds));
            series.Observation = _observation;
            series.Take(value, _isTotal, _bounds);
        }
    }

    public void Write(StringBuilder text)
    {
        lock (_gate)
        {
            foreach ((string labels, Series series) in _series)
            {
                if (_isObserved && series.Observation != _observation)
                    _series.Remove(labels);
            }

            if (_series.Count == 0)
                return;
            if (_description.Length > 0)
            {
                text.Append("# HELP ").Append(Name).Append(' ')
                    .Append(_description.Replace("\\", "\\\\").Replace("\n", "\\n")).Append('\n');
            }

            text.Append("# TYPE ").Append(Name).Append(' ').Append(_type).Append('\n');
            foreach ((string labels, Series series) in _series)
            {
                if (_bounds is null)
                    Line(text, Name, labels, series.Value);
                else
                    WriteHistogram(text, labels, series);
            }
        }
    }

    private void WriteHistogram(StringBuilder text, string labels, Series series)
    {
        long count = 0;
        for (int bucket = 0; bucket < series.Counts.Length; bucket++)
        {
            count += series.Counts[bucket];
            double bound = bucket < _bounds!.Length ? _bounds[bucket] : double.PositiveInfinity;
            string separator = labels.Length > 0 ? "," : "";
            string limit = double.IsPositiveInfinity(bound)
                ? "+Inf"
                : bound.ToString("R", CultureInfo.InvariantCulture);
            Line(text, Name + "_bucket", $"{labels}{separator}le=\"{limit}\"", count);
        }

        Line(text, Name + "_sum", labels, series.Value);
        Line(text, Name + "_count", labels, count);
    }

    private static void Line(StringBuilder text, string name, string labels, double value)
    {
        text.Append(name);
        if (labels.Length > 0)
            text.Append('{').Append(labels).Append('}');
        text.Append(' ');
        if (double.IsInfinity(value))
            text.Append(value > 0 ? "+Inf" : "-Inf");
        else
            text.Append(CultureInfo.InvariantCulture, $"{value:R}");
        text.Append('\n');
    }

    private sealed class Series(double[]? bounds)
    {
        /// <summary>Of a histogram, the sum.</summary>
        public double Value { get; private set; }

        /// <summary>In which it was told last.</summary>
        public long Observation { get; set; }

        public long[] Counts { get; } = bounds is null ? [] : new long[bounds.Length + 1];

        public void Take(double value, bool isTotal, double[]? bounds)
        {
            Value = isTotal ? Value + value : value;
            if (bounds is null)
                return;
            int bucket = 0;
            while (bucket < bounds.Length && value > bounds[bucket])
                bucket++;
            Counts[bucket]++;
        }
    }
}
