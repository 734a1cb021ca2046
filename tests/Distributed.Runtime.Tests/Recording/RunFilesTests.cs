using Distributed.Cluster.Jobs;
using Distributed.Runtime.Recording;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Tests.Recording;

public sealed class RunFilesTests : IDisposable
{
    private static readonly NumericsFingerprint Fingerprint = new(
        2, "2.6", "SkylakeX", "AVX2", "AVX512", "cpu", "fp32", 1, 32, 2, 16, "exact");

    private readonly RunFolder folder = new();

    private string RecordPath => Path.Combine(folder.Path, RunRecord.FileName);

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_fingerprint_is_put_into_the_record_once()
    {
        using RunFiles files = Open();
        Assert.Null(RunRecord.Load(folder.Path).Numerics);
        files.Numerics(Fingerprint.ToText());
        Assert.Equal(Fingerprint, RunRecord.Load(folder.Path).Numerics);
        DateTime old = AgeRecord();
        files.Numerics(Fingerprint.ToText());
        Assert.Equal(old, File.GetLastWriteTimeUtc(RecordPath));
    }

    [Fact]
    public void A_successor_keeps_the_fingerprint_that_its_job_was_submitted_without()
    {
        using (RunFiles files = Open())
            files.Numerics(Fingerprint.ToText());
        DateTime old = AgeRecord();
        using RunFiles successor = Open();
        Assert.Equal(Fingerprint, RunRecord.Load(folder.Path).Numerics);
        Assert.Equal(old, File.GetLastWriteTimeUtc(RecordPath));
    }

    [Fact]
    public void The_run_is_shown_in_TensorBoard_with_its_fingerprint()
    {
        using (RunFiles files = Open())
        {
            files.Numerics(Fingerprint.ToText());
            files.Numerics(Fingerprint.ToText());
            files.Close();
        }

        string text = Assert.Single(
            Assert.Single(folder.EventFiles).Texts, text => text.Tag == "run").Text;
        Assert.Equal($"```yaml\n{File.ReadAllText(RecordPath)}```", text);
    }

    [Fact]
    public void What_the_folder_held_is_told()
    {
        using (RunFiles files = Open())
        {
            Assert.Equal(0, files.Begun.LastStep);
            Assert.Empty(files.Begun.Epochs);
            Assert.Empty(files.Begun.LastSequences);
            RecordedRun.RecordRest(files, files.Begun);
            files.Close();
        }

        using RunFiles successor = Open();
        Assert.Equal(RecordedRun.StepsTotal, successor.Begun.LastStep);
        Assert.Equal(
            RecordedRun.Reports.OfType<EpochCompleted>(), successor.Begun.Epochs);
        Assert.Equal(4, successor.Begun.LastSequences[RecordedRun.WorkerA]);
        Assert.Equal(8, successor.Begun.LastSequences[RecordedRun.WorkerB]);
        Assert.Equal(2, successor.Begun.LastSequences.Count);
    }

    [Fact]
    public void Closed_without_a_flush_no_point_is_there_whose_line_is_not()
    {
        using (RunFiles files = Open())
            RecordedRun.RecordRest(files, files.Begun);
        Assert.Equal(RecordedRun.StepsTotal, folder.LinesOf("step").Count());
        Assert.Empty(folder.EventFiles.SelectMany(file => file.Scalars));
        Open().Dispose();
        Assert.Equal(
            RecordedRun.StepsTotal,
            folder.EventFiles[1].Scalars.Count(value => value.Tag == "loss/train"));
    }

    private DateTime AgeRecord()
    {
        var old = new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        File.SetLastWriteTimeUtc(RecordPath, old);
        return old;
    }

    private RunFiles Open() =>
        RunFiles.Open(RecordedRun.Describe(folder.Path), new StandingClock());

    /// <summary>A clock that stands: nothing is flushed because time has passed.</summary>
    private sealed class StandingClock : TimeProvider
    {
        public override long GetTimestamp() => 0;
    }
}
