using System.Text.Json.Nodes;
using Distributed.Runtime.Observers;

namespace Distributed.Runtime.Pbm;

/// <summary>What commands that stream have in common.</summary>
internal static class Following
{
    /// <summary>What changes faster is told together.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(100);

    private const int BatchMax = 1_000;

    public static Parameter Count(string otherwise, string help) =>
        new(ParameterKind.Option, "lines", help)
        {
            ShortName = "n",
            IsInteger = true,
            Default = otherwise,
        };

    /// <summary>Looks at once, and again after each change, until the call is cancelled.</summary>
    /// <param name="look">Whether there is more to come.</param>
    public static async Task ChangesAsync(Call call, Func<Task<bool>> look)
    {
        ClusterReadModel model = call.Node.Model;
        while (true)
        {
            long version = model.Version;
            if (!await look())
                return;
            await model.ChangedAsync(version, call.Cancellation);
            await Task.Delay(Patience, call.Cancellation);
        }
    }

    /// <summary>Tells what has happened since the last time.</summary>
    /// <param name="last">The last sequence that was seen.</param>
    /// <returns>The last one that is seen now.</returns>
    public static async Task<long> TellAsync(
        Call call, long last, Func<HappeningView, bool> isWanted)
    {
        foreach (HappeningView happening in call.Node.Model.Happenings(last, BatchMax))
        {
            last = happening.Sequence;
            if (isWanted(happening))
                await TellAsync(call, happening);
        }

        return last;
    }

    /// <summary>Tells the last so many of those wanted.</summary>
    /// <returns>The last sequence that is seen now.</returns>
    public static async Task<long> TellLastAsync(
        Call call, int count, Func<HappeningView, bool> isWanted)
    {
        IReadOnlyList<HappeningView> all =
            call.Node.Model.Happenings(0, ClusterReadModel.HappeningsMax);
        foreach (HappeningView happening in all.Where(isWanted).TakeLast(count))
            await TellAsync(call, happening);
        return all.Count > 0 ? all[^1].Sequence : 0;
    }

    private static Task TellAsync(Call call, HappeningView happening) => call.SayAsync(
        $"{Figures.Clock(happening.Utc)}  {happening.Kind}  {happening.Subject}  {happening.Text}",
        new JsonObject
        {
            ["time"] = Figures.Time(happening.Utc),
            ["kind"] = happening.Kind,
            ["subject"] = happening.Subject,
            ["text"] = happening.Text,
            ["failure"] = happening.IsFailure,
        },
        happening.IsFailure ? PbmStyle.Warning : PbmStyle.Plain);
}
