using Distributed.Kernel;
using Distributed.Runtime.Observers;

namespace Distributed.Runtime.Pbm;

/// <summary>
/// Finds what a user names: by name, by the beginning of its number, or without a name where there
/// is only one.
/// </summary>
internal static class Names
{
    private const int ListedMax = 8;

    public static Parameter Job(bool isRunning) => new(
        ParameterKind.Argument, "job",
        "name of a job, or the beginning of its number; may be left out where there is only one")
    {
        Complete = node => Jobs(node, isRunning).Select(job => job.Description.Name).Distinct(),
    };

    public static Parameter Sweep { get; } = new(
        ParameterKind.Argument, "sweep",
        "name of a sweep, or the beginning of its number; may be left out where there is only one")
    {
        Complete = node => node.Model.Sweeps().Select(sweep => sweep.Description.Name).Distinct(),
    };

    public static Parameter Worker { get; } = new(
        ParameterKind.Argument, "worker",
        "name or address of a worker; may be left out where there is only one")
    {
        Complete = node => Workers(node).Select(worker => worker.Worker.Name),
    };

    /// <exception cref="OperatingException">There is none of that name, or more than
    /// one.</exception>
    public static JobView FindJob(Call call, bool isRunning)
    {
        IReadOnlyList<JobView> known = Jobs(call.Node, isRunning);
        // One that runs is meant rather than one of the same name that has ended.
        IReadOnlyList<JobView> running = [.. known.Where(job => job.Outcome is null)];
        string? wanted = call.Value("job");
        string word = isRunning ? "running job" : "job";
        if (running.Count > 0
            && (wanted is null || running.Any(job => job.Description.Name == wanted)))
        {
            known = running;
        }

        return Find(
            known, wanted, word, job => job.Description.Name, job => Figures.Number(job.Job));
    }

    /// <exception cref="OperatingException">There is none of that name, or more than
    /// one.</exception>
    public static SweepView FindSweep(Call call)
    {
        IReadOnlyList<SweepView> known = call.Node.Model.Sweeps();
        IReadOnlyList<SweepView> running =
            [.. known.Where(sweep => !sweep.State.StartsWith("ended", StringComparison.Ordinal))];
        string? wanted = call.Value("sweep");
        if (running.Count > 0
            && (wanted is null || running.Any(sweep => sweep.Description.Name == wanted)))
        {
            known = running;
        }

        return Find(
            known, wanted, "sweep", sweep => sweep.Description.Name,
            sweep => Figures.Number(sweep.Sweep));
    }

    /// <exception cref="OperatingException">There is none of that name, or more than
    /// one.</exception>
    public static WorkerView FindWorker(Call call) => Find(
        Workers(call.Node), call.Value("worker"), "worker", worker => worker.Worker.Name,
        worker => worker.Worker.DataAddress);

    private static IReadOnlyList<JobView> Jobs(InspectedNode node, bool isRunning) =>
        [.. node.Model.Jobs().Where(job => !isRunning || job.Outcome is null)];

    private static IReadOnlyList<WorkerView> Workers(InspectedNode node) =>
        [.. node.Model.Workers().Where(worker => !worker.IsGone)];

    private static T Find<T>(
        IReadOnlyList<T> known, string? wanted, string word, Func<T, string> name,
        Func<T, string> number)
    {
        if (known.Count == 0)
            throw new OperatingException($"there is no {word}");
        IReadOnlyList<T> found = wanted is null
            ? known
            : [.. known.Where(one => name(one) == wanted || number(one) == wanted)];
        if (found.Count == 0)
        {
            found =
            [
                .. known.Where(one => number(one).StartsWith(
                    wanted!, StringComparison.OrdinalIgnoreCase)),
            ];
        }

        if (found.Count == 1)
            return found[0];
        string listed = string.Join(
            ", ", (found.Count > 0 ? found : known).Take(ListedMax)
                .Select(one => $"{name(one)} ({number(one)})"));
        string all = known.Count > ListedMax ? $"{listed}, …" : listed;
        throw new OperatingException(
            found.Count == 0 ? $"no {word} is called \"{wanted}\": expected one of {all}"
            : wanted is null ? $"there are {found.Count} {word}s: say which one of {all}"
            : $"{found.Count} {word}s are meant by \"{wanted}\": say which one of {all}",
            ExitCodes.BadUsage);
    }
}
