using System.Diagnostics.Metrics;
using Distributed.Kernel;
using Distributed.Runtime.Actors;
using Distributed.Runtime.Recording;
using Distributed.Runtime.Store;

namespace Distributed.Runtime.Metrics;

/// <summary>
/// What a coordinator's process tells of its own machinery: queues, messages and dead letters.
/// </summary>
internal sealed class NodeMetrics : IDisposable
{
    /// <summary>Actors that take longer to answer are told of as they were.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly ActorLoop _loop;
    private readonly Meter _actors;
    private readonly Meter _storage;
    private readonly Momentary<ActorCounts> _counts;
    private readonly List<RunRecorder> _recorders = [];
    private ActorCounts _last = ActorCounts.None;

    public NodeMetrics(
        ActorLoop loop, SqlClusterStore store, object scope, TimeProvider clock)
    {
        _loop = loop;
        _counts = new Momentary<ActorCounts>(Count, clock);
        _actors = new Meter(new MeterOptions("Distributed.Actors") { Scope = scope });
        _storage = new Meter(new MeterOptions("Distributed.Recording") { Scope = scope });
        AddActors();
        _storage.CreateObservableGauge(
            "distributed.store.queue", () => store.Waiting, "{call}",
            "Calls that wait for the store.");
        _storage.CreateObservableGauge(
            "distributed.recorder.queue", CountRecords, "{record}",
            "Records of all runs that wait for the disk.");
    }

    /// <summary>A recorder whose queue counts until its files are closed.</summary>
    public RunRecorder NewRecorder(TimeProvider clock)
    {
        var recorder = new RunRecorder(clock);
        lock (_recorders)
        {
            _recorders.RemoveAll(other => other.Completion.IsCompleted);
            _recorders.Add(recorder);
        }

        return recorder;
    }

    public void Dispose()
    {
        _actors.Dispose();
        _storage.Dispose();
    }

    private void AddActors()
    {
        _actors.CreateObservableGauge(
            "distributed.actors.count", () => OfTypes(actors => actors.Count), "{actor}",
            "Living actors, by their type.");
        _actors.CreateObservableGauge(
            "distributed.actors.mailbox", () => OfTypes(actors => actors.Waiting), "{message}",
            "Messages in the mailboxes of the actors of a type.");
        _actors.CreateObservableGauge(
            "distributed.actors.inbox", () => _loop.Waiting, "{message}",
            "Messages from other threads that no mailbox has taken yet.");
        _actors.CreateObservableCounter(
            "distributed.actors.messages", () => _counts.Value.Handled, "{message}",
            "Messages that actors have handled.");
        _actors.CreateObservableCounter(
            "distributed.actors.dead_letters",
            () => _counts.Value.DeadLetters.Select(letters => new Measurement<long>(
                letters.Count, MetricTags.Of(("reason", letters.Reason)))),
            "{message}", "Messages that reached nobody, by the reason.");
    }

    private IEnumerable<Measurement<int>> OfTypes(Func<ActorsOfType, int> value) =>
        _counts.Value.Types.Select(actors => new Measurement<int>(
            value(actors), MetricTags.Of(("actor.type", actors.Type))));

    private int CountRecords()
    {
        lock (_recorders)
            return _recorders.Sum(recorder => recorder.Waiting);
    }

    /// <summary>
    /// Asks between two messages. Actors that have stopped, or do not get to it, are no reason not
    /// to tell the rest.
    /// </summary>
    private ActorCounts Count()
    {
        try
        {
            if (_loop.TryCall(ActorCounts.Of, Patience, out var counts))
                _last = counts;
        }
        catch (Exception failure) when (failure is OperatingException or InvariantException)
        {
            _last = ActorCounts.None;
        }

        return _last;
    }

    private sealed record ActorsOfType(string Type, int Count, int Waiting);

    private sealed record ActorCounts(
        IReadOnlyList<ActorsOfType> Types, long Handled,
        IReadOnlyList<(string Reason, long Count)> DeadLetters)
    {
        public static ActorCounts None { get; } = new([], 0, []);

        public static ActorCounts Of(ActorSystem system) => new(
            [
                .. system.Describe().GroupBy(actor => actor.TypeName).Select(
                    actors => new ActorsOfType(
                        actors.Key, actors.Count(), actors.Sum(actor => actor.MessagesWaiting))),
            ],
            system.MessagesHandled,
            [
                .. Enum.GetValues<DeadLetterReason>().Select(
                    reason => ($"{reason}", system.DeadLetterCount(reason))),
            ]);
    }
}
