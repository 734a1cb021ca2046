using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Distributed.Runtime.Observers;
using Microsoft.AspNetCore.Http;

namespace Distributed.Dashboard.Live;

/// <summary>
/// Tells pages what they show as server-sent events: all of it first, then what has changed, a few
/// times a second at most. A page that reads slowly is told less often, not more at a time: what
/// waits for it is what its connection holds, and no more.
/// </summary>
internal sealed class LiveStream(ClusterReadModel model, TimeProvider clock)
{
    /// <summary>So many pages may be open at a time.</summary>
    public const int PagesMax = 64;

    /// <summary>So many happenings and lines of log go out at a time; the newest ones.</summary>
    private const int LinesMax = 1_000;

    private static readonly TimeSpan FrameInterval = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan BeatInterval = TimeSpan.FromSeconds(3);

    private readonly long _model = model.Overview().StartedUtc.ToUnixTimeMilliseconds();
    private int _pages;

    /// <summary>Until the page goes or the server stops.</summary>
    public async Task ServeAsync(HttpContext context, CancellationToken cancellation)
    {
        if (Interlocked.Increment(ref _pages) > PagesMax)
        {
            Interlocked.Decrement(ref _pages);
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            await context.Response.WriteAsync(
                $"{PagesMax} pages are open, which is the most: close one", cancellation);
            return;
        }

        try
        {
            context.Response.ContentType = "text/event-stream";
            string? last = context.Request.Headers["Last-Event-ID"].FirstOrDefault()
                ?? context.Request.Query["after"].FirstOrDefault();
            await TellAsync(
                context.Response.BodyWriter, LivePosition.Parse(last), cancellation);
        }
        catch (Exception failure) when (failure is OperationCanceledException or IOException)
        {
            // The page has gone, or the server stops.
        }
        finally
        {
            Interlocked.Decrement(ref _pages);
        }
    }

    private async Task TellAsync(
        PipeWriter output, LivePosition? told, CancellationToken cancellation)
    {
        while (true)
        {
            (LiveFrame frame, LivePosition position) = Next(told);
            Write(output, $"id: {position}\nevent: frame\ndata: ");
            await JsonSerializer.SerializeAsync(
                output, frame, LiveJson.Default.LiveFrame, cancellation);
            Write(output, "\n\n");
            FlushResult flushed = await output.FlushAsync(cancellation);
            if (flushed.IsCompleted)
                return;
            told = position;
            await Task.Delay(FrameInterval, clock, cancellation);
            await ChangedAsync(output, position.Version, cancellation);
        }
    }

    /// <summary>Says that the connection lives while there is nothing to tell.</summary>
    private async Task ChangedAsync(
        PipeWriter output, long version, CancellationToken cancellation)
    {
        Task changed = model.ChangedAsync(version, cancellation);
        while (true)
        {
            try
            {
                await changed.WaitAsync(BeatInterval, clock, cancellation);
                return;
            }
            catch (TimeoutException)
            {
                Write(output, "event: beat\ndata:\n\n");
                await output.FlushAsync(cancellation);
            }
        }
    }

    private (LiveFrame Frame, LivePosition Position) Next(LivePosition? told)
    {
        // Its version comes first: what changes while the rest is read is told once more.
        ClusterOverview overview = model.Overview();
        bool isWhole = told is not { } known || known.Model != _model
            || known.Term != overview.Term || known.Version > overview.Version;
        LivePosition since = isWhole ? new(_model, overview.Term, 0, 0, 0) : told!.Value;
        IReadOnlyList<HappeningView> happenings = model.Happenings(since.Happening, LinesMax);
        IReadOnlyList<LogView> logs = model.Logs(since.Log, LinesMax);
        var frame = new LiveFrame(
            isWhole, LiveViews.Of(overview, model.Dropped, clock.GetUtcNow()),
            [.. model.Workers(since.Version).Select(LiveViews.Of)],
            [.. model.Jobs(since.Version).Select(LiveViews.Of)],
            [.. model.Sweeps(since.Version).Select(LiveViews.Of)],
            [.. happenings.Select(LiveViews.Of)], [.. logs.Select(LiveViews.Of)]);
        return (frame, since with
        {
            Version = overview.Version,
            Happening = happenings.Count > 0 ? happenings[^1].Sequence : since.Happening,
            Log = logs.Count > 0 ? logs[^1].Sequence : since.Log,
        });
    }

    private static void Write(PipeWriter output, string text) =>
        Encoding.UTF8.GetBytes(text.AsSpan(), output);
}
