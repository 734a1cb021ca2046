using System.Globalization;
using System.Text.Json.Nodes;
using Distributed.Cluster.Sweeps;
using Distributed.Kernel;
using Distributed.Runtime.Observers;

namespace Distributed.Runtime.Pbm;

/// <summary>The sweeps.</summary>
internal sealed class SweepPalette : Palette
{
    private const string Reason = "ordered with pbm";
    private const int NumberShown = 8;

    public override string Name => "sweep";

    public override string Help => "the sweeps: how they do, and orders to them";

    public override IReadOnlyList<Command> Commands { get; } =
    [
        new("list", "all sweeps", ListAsync) { NeedsLeader = true },
        new("show", "all about a sweep", ShowAsync)
        {
            NeedsLeader = true,
            Parameters = [Names.Sweep],
        },
        new("trials", "the trials of a sweep", TrialsAsync)
        {
            NeedsLeader = true,
            Parameters =
            [
                Names.Sweep,
                new(ParameterKind.Option, "state", "those in that state alone")
                {
                    Choices =
                    [
                        "ready", "running", "waiting", "completed", "stopped", "failed",
                        "cancelled",
                    ],
                },
                new(ParameterKind.Option, "sort", "by number, or the best objective first")
                {
                    Choices = ["number", "objective"],
                    Default = "number",
                },
            ],
        },
        new(
            "pause", "no trial goes on until the sweep is resumed; those that run save their state",
            call => OrderAsync(call, sweep => new PauseSweep(sweep.Sweep, Reason), "is paused"))
        {
            NeedsLeader = true,
            Parameters = [Names.Sweep],
        },
        new(
            "resume", "a paused sweep goes on",
            call => OrderAsync(call, sweep => new ResumeSweep(sweep.Sweep), "goes on"))
        {
            NeedsLeader = true,
            Parameters = [Names.Sweep],
        },
        new(
            "stop", "ends a sweep for good",
            call => OrderAsync(call, sweep => new StopSweep(sweep.Sweep, Reason), "stops"))
        {
            NeedsLeader = true,
            Parameters = [Names.Sweep],
            Plan = PlanStop,
        },
        new("retry", "trials that failed are tried again", RetryAsync)
        {
            NeedsLeader = true,
            Parameters =
            [
                Names.Sweep,
                new(ParameterKind.Option, "trial", "that one alone") { IsInteger = true },
            ],
        },
    ];

    private static Task ListAsync(Call call) => call.TableAsync(
        [.. call.Node.Model.Sweeps().Select(sweep => (IReadOnlyList<Field>)
            [
                Field.Of("SWEEP", "name", sweep.Description.Name) with { MayBeCut = true },
                Field.Of(
                    "NUMBER", "number", Figures.Number(sweep.Sweep),
                    Figures.Number(sweep.Sweep)[..NumberShown]),
                Field.Of("STATE", "state", sweep.State) with { MayBeCut = true },
                .. Counts(sweep),
                Best(sweep, "BEST"),
            ])],
        "there is no sweep");

    private static IReadOnlyList<Field> Counts(SweepView sweep) =>
    [
        Field.Count(
            "TRIALS", "begun", sweep.Begun,
            string.Create(CultureInfo.InvariantCulture, $"{sweep.Begun}/{sweep.TrialsWanted}")),
        Field.Of("RUNNING", "running", sweep.Running),
        Field.Of("COMPLETED", "completed", sweep.Completed),
        Field.Of("STOPPED", "stopped", sweep.Stopped),
        Field.Of("FAILED", "failed", sweep.Failed),
    ];

    private static Field Best(SweepView sweep, string title) => Field.Of(
        title, "best", sweep.Best is { Values: [var best, ..] } ? best : double.NaN, "0.0000");

    private static Task ShowAsync(Call call)
    {
        SweepView sweep = Names.FindSweep(call);
        SweepDescription description = sweep.Description;
        return call.SheetAsync(
        [
            Field.Of("name", "name", description.Name),
            Field.Of("number", "number", Figures.Number(sweep.Sweep)),
            Field.Of("state", "state", sweep.State),
            Field.Of(
                "objectives", "objectives",
                description.Objectives.Select(
                    goal => $"{goal.Metric} {(goal.IsMaximized ? "up" : "down")}")),
            .. Counts(sweep).Select(field => field with { Title = field.Title.ToLowerInvariant() }),
            Field.Of("trials wanted", "trials_wanted", sweep.TrialsWanted),
            Best(sweep, "best"),
            sweep.Best is { } best
                ? Field.Of("best trial", "best_trial", best.Trial)
                : Field.Count("best trial", "best_trial", null, ""),
            Field.Of(
                "with", "best_parameters",
                sweep.Best?.Parameters.Select(value => $"{value.Name}={value.Text}") ?? []),
            Field.Of("workers a trial", "workers_per_trial", description.Limits.WorkersPerTrial),
            Field.Of("benched workers", "benched", sweep.Benched),
            Field.Of("folder", "folder", description.Folder),
        ]);
    }

    private static async Task TrialsAsync(Call call)
    {
        SweepView sweep = Names.FindSweep(call);
        Objective goal = sweep.Description.Objectives[0];
        IEnumerable<TrialView> trials = call.Node.Model.Trials(sweep.Sweep);
        if (call.Value("state") is { } state)
            trials = trials.Where(trial => trial.State == state);
        if (call.Value("sort") == "objective")
        {
            // What has no value yet comes last.
            trials = trials.OrderBy(trial =>
                trial.Values is [var value, ..] && !double.IsNaN(value)
                    ? goal.Loss(value)
                    : double.PositiveInfinity);
        }

        await call.TableAsync(
            [.. trials.Select(trial => Row(sweep.Description, trial))], "there is no such trial");
    }

    private static IReadOnlyList<Field> Row(SweepDescription sweep, TrialView trial) =>
    [
        Field.Of("TRIAL", "trial", trial.Trial),
        Field.Of("STATE", "state", trial.State),
        Field.Of("EPOCH", "epoch", trial.Epoch),
        .. sweep.Objectives.Select((goal, at) => Field.Of(
            goal.Metric.ToString().ToUpperInvariant(), SnakeCase(goal.Metric.ToString()),
            at < trial.Values.Count ? trial.Values[at] : double.NaN, "0.0000")),
        Field.Of("SECONDS", "seconds", trial.Seconds, "0.0"),
        new(
            "PARAMETERS", "parameters",
            new JsonObject(
                [.. trial.Parameters.Select(value => KeyValuePair.Create(
                    value.Name, (JsonNode?)JsonValue.Create(value.Text)))]),
            string.Join(" ", trial.Parameters.Select(value => $"{value.Name}={value.Text}")))
        {
            MayBeCut = true,
        },
        Field.Of("BECAUSE", "reason", trial.Reason) with { MayBeCut = true },
    ];

    private static string SnakeCase(string name) => string.Concat(
        name.Select((letter, at) => char.IsUpper(letter)
            ? (at > 0 ? "_" : "") + char.ToLowerInvariant(letter)
            : letter.ToString()));

    private static Plan PlanStop(Call call)
    {
        SweepView sweep = Names.FindSweep(call);
        return new Plan(
            string.Create(
                CultureInfo.InvariantCulture,
                $"stops sweep {sweep.Description.Name} ({Figures.Number(sweep.Sweep)}) for good "
                + $"after {sweep.Begun} of {sweep.TrialsWanted} trials; those that run, "
                + $"{sweep.Running}, are cancelled"),
            new Dictionary<string, string> { ["sweep"] = Figures.Number(sweep.Sweep) });
    }

    private static Task RetryAsync(Call call)
    {
        int trial = call.Integer("trial", -1, 0, int.MaxValue);
        return OrderAsync(
            call, sweep => new RetryTrial(sweep.Sweep, trial),
            trial >= 0 ? $"tries trial {trial} again" : "tries all trials that failed again");
    }

    private static async Task OrderAsync(
        Call call, Func<SweepView, SweepOrder> order, string outcome)
    {
        SweepView sweep = Names.FindSweep(call);
        SweepOrderReply reply = await call.Node.AskAsync<SweepOrderReply>(order(sweep));
        if (!reply.Taken)
            throw new OperatingException(reply.Message);
        await call.ToldAsync(
            reply.Message.Length > 0
                ? reply.Message
                : $"sweep {sweep.Description.Name} {outcome}");
    }
}
