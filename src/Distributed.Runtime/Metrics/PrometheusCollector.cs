using System.Diagnostics.Metrics;
using System.Text;

namespace Distributed.Runtime.Metrics;

/// <summary>
/// Listens to the meters of one node and tells what they say in Prometheus's text format 0.0.4.
/// Observable instruments are asked for every answer; a series that they leave out is gone from it.
/// Thread-safe; answers are made one after the other.
/// </summary>
internal sealed class PrometheusCollector : IDisposable
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    /// <summary>.NET's own meter: collections, the heap, the process's memory and time.</summary>
    private const string RuntimeMeter = "System.Runtime";

    private readonly MeterListener _listener = new();
    private readonly Lock _collecting = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<Instrument, PrometheusFamily> _families = [];

    /// <param name="scope">Of the meters that are listened to.</param>
    public PrometheusCollector(object scope)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Scope != scope && instrument.Meter.Name != RuntimeMeter)
                return;
            var family = new PrometheusFamily(instrument);
            lock (_gate)
                _families.Add(instrument, family);
            listener.EnableMeasurementEvents(instrument, family);
        };
        _listener.MeasurementsCompleted = (instrument, _) =>
        {
            lock (_gate)
                _families.Remove(instrument);
        };
        _listener.SetMeasurementEventCallback<double>(
            (_, value, tags, family) => Take(family, value, tags));
        _listener.SetMeasurementEventCallback<long>(
            (_, value, tags, family) => Take(family, value, tags));
        _listener.SetMeasurementEventCallback<int>(
            (_, value, tags, family) => Take(family, value, tags));
        _listener.Start();
    }

    /// <summary>What all instruments say now.</summary>
    public string Collect()
    {
        lock (_collecting)
        {
            List<PrometheusFamily> families;
            lock (_gate)
                families = [.. _families.Values.OrderBy(family => family.Name)];
            foreach (PrometheusFamily family in families)
                family.BeginObservation();
            // Without the gate: an instrument may ask actors, who may be telling another one.
            _listener.RecordObservableInstruments();
            var text = new StringBuilder();
            foreach (PrometheusFamily family in families)
                family.Write(text);
            return text.ToString();
        }
    }

    public void Dispose() => _listener.Dispose();

    private static void Take(
        object? family, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
        ((PrometheusFamily)family!).Take(value, tags);
}
