using Distributed.Telemetry;

namespace Distributed.Runtime.Recording;

/// <summary>
/// The tags that a coordinator writes: no worker may, since a value of a later step would keep its
/// own ones out.
/// </summary>
internal static class RecordedTags
{
    public const string Run = "run", Environment = "environment", Attachments = "attachments";

    public const string Confusion = "test/confusion", ConfusionTable = "test/confusion_table",
        Mistakes = "test/mistakes", ImagesMissing = "test/images_missing",
        CurveGroup = "pr/", ClassAccuracyGroup = "accuracy_by_class/";

    private static readonly string[] Reserved =
    [
        "loss", "accuracy", "learning_rate", "images_per_second", "rank", Run, Environment,
        Attachments, "test", "pr", "accuracy_by_class",
    ];

    /// <summary>Charts of what belongs together.</summary>
    public static ScalarsLayout Layout { get; } = new(
    [
        new ScalarsCategory("Learning",
        [
            new ScalarsChart("Loss", ["loss/train$", "loss/epoch$", "loss/test$"]),
            new ScalarsChart(
                "Accuracy", ["accuracy/train$", "accuracy/epoch$", "accuracy/test$"]),
            new ScalarsChart("Test accuracy of each class", [$"{ClassAccuracyGroup}.*"]),
            new ScalarsChart("Learning rate", ["learning_rate$"]),
        ]),
        new ScalarsCategory("Time",
        [
            new ScalarsChart("Images per second", ["images_per_second$"]),
            new ScalarsChart(
                "Rank 0, ms a step",
                [
                    "rank/0/compute_ms$", "rank/0/communication_ms$", "rank/0/wait_ms$",
                    "rank/0/step_ms$",
                ]),
            OfRanks("Computing, ms a step", "compute_ms"),
            OfRanks("Communicating, ms a step", "communication_ms"),
            OfRanks("Waiting, ms a step", "wait_ms"),
            OfRanks("Whole step, ms", "step_ms"),
            OfRanks("Images per second, as each rank sees it", "images_per_second"),
        ]),
    ]);

    public static string OfRank(int rank, string name) => $"rank/{rank}/{name}";

    public static bool IsReserved(string tag) =>
        Reserved.Contains(tag.Split('/')[0], StringComparer.OrdinalIgnoreCase);

    private static ScalarsChart OfRanks(string title, string name) =>
        new(title, [$"rank/\\d+/{name}$"]);
}
