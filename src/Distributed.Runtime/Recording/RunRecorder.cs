using System.Threading.Channels;
using Distributed.Cluster.Jobs;
using Distributed.Kernel;
using Distributed.Telemetry;

namespace Distributed.Runtime.Recording;

/// <summary>
/// Writes a run folder on the coordinator: run.yaml, metrics.jsonl, TensorBoard's event file. Calls
/// are queued and done in order by one task, so that the actors never wait for the disk. A disk
/// that hangs is waited for until so many calls wait that memory is in danger; then the recording
/// fails.
/// </summary>
public sealed class RunRecorder : IRunRecorder
{
    /// <summary>Minutes of a large cluster's reports.</summary>
    public const int WaitingCallsMax = 1 << 16;

    /// <summary>With more calls than these waiting, attachments are dropped.</summary>
    internal const int CallsBeforeAttachmentsMax = 1 << 10;

    /// <summary>Of attachments that wait.</summary>
    internal const long AttachmentBytesMax = 1 << 27;

    private readonly TimeProvider _clock;
    private readonly Channel<Action> _waiting = Channel.CreateBounded<Action>(
        new BoundedChannelOptions(WaitingCallsMax) { SingleReader = true });

    private IActorRef? _job;
    private string _folder = "";
    private JobDescription? _description;
    private RunFiles? _files;
    private bool _isEnding;
    private int _isOver;
    private long _attachmentBytes;
    private long _attachmentsDropped;

    public RunRecorder(TimeProvider clock)
    {
        _clock = clock;
        Completion = Task.Run(RunAsync);
    }

    /// <summary>How many attachments have been dropped because too much waited.</summary>
    public long AttachmentsDropped => Interlocked.Read(ref _attachmentsDropped);

    /// <summary>Ends when the files are closed.</summary>
    public Task Completion { get; }

    /// <summary>Calls that wait for the disk.</summary>
    public int Waiting => _waiting.Reader.Count;

    public void Begin(JobDescription description, IActorRef job)
    {
        _job = job;
        _folder = description.RunFolder;
        Post(() =>
        {
            _description = description;
            _files = RunFiles.Open(description, _clock);
            Tell(_files.Begun);
        });
    }

    public void Numerics(string numerics) => Post(() => _files!.Numerics(numerics));

    public void Steps(IReadOnlyList<StepRecord> steps) => Post(() => _files!.Steps(steps));

    public void Times(ReportOrigin origin, StepsCommitted report) =>
        Post(() => _files!.Times(origin, report));

    public void Epoch(EpochCompleted epoch) => Post(() => _files!.Epoch(epoch));

    public void Attach(RunAttachment attachment)
    {
        long bytes = attachment.Payload.Length;
        if (_waiting.Reader.Count >= CallsBeforeAttachmentsMax
            || Interlocked.Read(ref _attachmentBytes) + bytes > AttachmentBytesMax)
        {
            Interlocked.Increment(ref _attachmentsDropped);
            return;
        }

        Interlocked.Add(ref _attachmentBytes, bytes);
        Post(() =>
        {
            Interlocked.Add(ref _attachmentBytes, -bytes);
            _files!.Attach(attachment);
        });
    }

    public void Commit(long mark) => Post(() =>
    {
        _files!.Commit();
        Tell(new RecordingDurable(mark));
    });

    public void ReturnTo(long step, int returns) => Post(() =>
    {
        _files!.Close();
        _files = null;
        RunFiles.CutBack(_folder, step, returns, _clock);
        _files = RunFiles.Open(_description!, step, _clock);
        Tell(_files.Begun);
    });

    public void End(RunCompleted? summary)
    {
        Post(() =>
        {
            if (summary is not null)
                _files!.Done(summary);
            _files!.FinishAttachments(AttachmentsDropped);
            _files.Close();
            _files = null;
            Tell(new RecordingEnded());
        });
        _isEnding = true;
        _waiting.Writer.TryComplete();
    }

    public void Abandon()
    {
        Volatile.Write(ref _isOver, 1);
        _waiting.Writer.TryComplete();
    }

    private void Post(Action action)
    {
        if (!_waiting.Writer.TryWrite(action) && !_isEnding)
        {
            Fail(
                $"{_folder} has not been written for so long that {WaitingCallsMax} records wait, "
                + "expected a disk that keeps up; look whether it hangs");
        }
    }

    private void Tell(object message)
    {
        if (Volatile.Read(ref _isOver) == 0)
            _job!.Tell(message);
    }

    private void Fail(string message, bool isReplaced = false, bool isDiskFull = false)
    {
        if (Interlocked.Exchange(ref _isOver, 1) == 0)
            _job!.Tell(new RecordingFailed(message, isReplaced, isDiskFull));
        _waiting.Writer.TryComplete();
    }

    private async Task RunAsync()
    {
        await foreach (Action action in _waiting.Reader.ReadAllAsync())
        {
            if (Volatile.Read(ref _isOver) != 0)
                break;
            try
            {
                action();
            }
            catch (Exception failure)
            {
                // Whatever it is, a job that waits for an answer has to hear of it.
                bool isOfDisk = failure
                    is OperatingException or IOException or UnauthorizedAccessException;
                Fail(
                    isOfDisk ? failure.Message : failure.ToString(),
                    failure is FileReplacedException, DiskErrors.IsFull(failure));
            }
        }

        Close();
    }

    private void Close()
    {
        try
        {
            _files?.Dispose();
        }
        catch (OperatingException)
        {
            // The failure that led here has been told; this is the same disk.
        }
    }
}
