using System.Globalization;
using Distributed.Cluster.Jobs;
using Distributed.Telemetry;

namespace Distributed.Runtime.Recording;

/// <summary>
/// Puts what workers send beside the figures of a run into its folder, as far as it is sound and
/// there is room: none of it is worth a run's record. Used by the thread that records.
/// </summary>
internal sealed class RunAttachments(
    JobDescription description, EventFileWriter events, TimeProvider clock)
{
    /// <summary>Room that is left to the figures.</summary>
    private const long FreeBytesMin = 1 << 24;

    private const int ReasonsMax = 20, ReasonLengthMax = 200;

    private readonly TestAssembly _tests = new();
    private readonly List<string> _reasons = [];

    /// <summary>What was left out, in part or as a whole.</summary>
    public int Refused { get; private set; }

    /// <summary>Why, the first ones.</summary>
    public IReadOnlyList<string> Reasons => _reasons;

    /// <exception cref="Kernel.OperatingException">The figures before it cannot be
    /// written.</exception>
    public void Take(RunAttachment attachment)
    {
        if (attachment.Step < 0 || attachment.Step > description.Schedule.StepsTotal)
        {
            Refuse($"something of step {attachment.Step}");
            return;
        }

        if (!HasRoom(attachment.Payload.Length))
        {
            Refuse("no room on the disk");
            return;
        }

        switch (attachment.Kind)
        {
            case AttachmentKind.Summary:
                AttachedSummary summary =
                    AttachedSummary.Parse(attachment.Payload, RecordedTags.IsReserved);
                foreach (string problem in summary.Refused)
                    Refuse(problem);
                Write(summary, attachment.Step);
                break;
            case AttachmentKind.Graph:
                Graph(attachment.Payload);
                break;
            case AttachmentKind.ProjectorFile:
                Projector(attachment);
                break;
            case AttachmentKind.Predictions:
                Predictions(attachment);
                break;
        }
    }

    /// <summary>The model, unless it is there already.</summary>
    public void Graph(ReadOnlyMemory<byte> bytes)
    {
        (AttachedGraph? graph, string? problem) = AttachedGraph.Parse(bytes);
        Refuse(graph is null ? problem : events.Graph(graph, clock.GetUtcNow()));
    }

    /// <summary>Writes what will not become complete any more, and what was left out.</summary>
    /// <param name="step">The run's last.</param>
    /// <param name="dropped">Attachments for which there was no time.</param>
    public void Finish(long step, long dropped)
    {
        foreach (TestOutcome outcome in _tests.TakeRest())
            Write(AttachedSummary.Of(TestSummary.Of(outcome)), outcome.Step);
        if (dropped == 0 && Refused == 0)
            return;
        string text = string.Create(
            CultureInfo.InvariantCulture,
            $"{dropped} were dropped because too many waited, {Refused} were refused:\n\n");
        // What a worker called something is shown as it is, not as Markdown.
        text += string.Concat(_reasons.Select(reason => $"    {reason}\n"));
        Write(
            AttachedSummary.Of(new SummaryBuilder().Text(RecordedTags.Attachments, text)), step);
    }

    private void Predictions(RunAttachment attachment)
    {
        if (TestShare.TryParse(attachment.Payload) is not { } share
            || share.Step != attachment.Step
            || share.Epoch != description.Schedule.EpochOf(share.Step))
        {
            Refuse("a share of a test that is not whole");
            return;
        }

        (IReadOnlyList<TestOutcome> ready, string? problem) = _tests.Add(share);
        foreach (TestOutcome outcome in ready)
            Write(AttachedSummary.Of(TestSummary.Of(outcome)), outcome.Step);
        Refuse(problem);
    }

    private void Projector(RunAttachment attachment)
    {
        try
        {
            Refuse(ProjectorFiles.Put(
                description.RunFolder, attachment.Name, attachment.Payload));
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            Refuse(refused.Message);
        }
    }

    private void Write(AttachedSummary summary, long step) =>
        Refuse(events.Attach(summary, step, clock.GetUtcNow()));

    private bool HasRoom(long bytes)
    {
        try
        {
            return new DriveInfo(description.RunFolder).AvailableFreeSpace
                >= FreeBytesMin + (2 * bytes);
        }
        catch (Exception unknown) when (unknown is IOException or UnauthorizedAccessException)
        {
            // Some network file systems do not tell; a write then says it itself.
            return true;
        }
    }

    private void Refuse(string? problem)
    {
        if (problem is null)
            return;
        Refused++;
        if (_reasons.Count < ReasonsMax)
        {
            _reasons.Add(string.Concat(problem.Take(ReasonLengthMax).Select(
                letter => char.IsControl(letter) ? ' ' : letter)));
        }
    }
}
