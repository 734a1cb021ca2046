using Distributed.Cluster.Jobs;
using Distributed.Runtime.Recording;
using FsCheck.Xunit;

namespace Distributed.Runtime.Tests.Recording;

/// <summary>
/// Workers report in any order while coordinators die at any moment, with any loss of what was
/// written after the last commit. In the end all is on record once.
/// </summary>
public sealed class RecordingProperties
{
    [Property(MaxTest = 120)]
    public void In_the_end_all_is_on_record_once(int seed)
    {
        using var folder = new RunFolder();
        using var life = new Life(folder, new Random(seed));
        for (int turn = 0; turn < 60; turn++)
            life.Turn();
        life.End();
        life.HasWholeRecord();
    }

    /// <summary>A run with three workers, seen from its coordinators.</summary>
    private sealed class Life : IDisposable
    {
        private const int Workers = 3;

        private readonly RunFolder _folder;
        private readonly Random _random;
        private readonly SteppingClock _clock = new();
        private readonly List<StepReport>[] _unconfirmed =
            [.. Enumerable.Range(0, Workers).Select(_ => new List<StepReport>())];
        private readonly long[] _reported = new long[Workers];
        private readonly long[] _sequences = new long[Workers];
        private readonly List<(long Metrics, long Events)> _lengths = [];
        private readonly HashSet<(string, long)> _origins = [];
        private RunFiles _files;
        private long _step;
        private long _recordedStep;
        private int _recordedEpoch;
        private Dictionary<ulong, long> _recordedSequences = [];
        private (long Step, int Epoch, long Length) _durable;

        public Life(RunFolder folder, Random random)
        {
            _folder = folder;
            _random = random;
            _files = Open();
        }

        public void Dispose() => _files.Dispose();

        public void Turn()
        {
            _clock.Step();
            switch (_random.Next(10))
            {
                case < 3:
                    _step++;
                    break;
                case < 6:
                    Report(_random.Next(Workers));
                    break;
                case 6:
                    Epoch();
                    break;
                case 7:
                    Commit();
                    break;
                case 8:
                    Crash();
                    break;
            }

            _lengths.Add((
                new FileInfo(_folder.MetricsPath).Length,
                new FileInfo(_folder.EventPaths[^1]).Length));
        }

        public void End()
        {
            for (int worker = 0; worker < Workers; worker++)
                Report(worker);
            while (Epoch())
            {
            }

            _files.Done(RecordedRun.Summary);
            _files.Close();
        }

        public void HasWholeRecord()
        {
            Assert.Equal(
                Enumerable.Range(1, (int)_step).Select(step => (long)step),
                _folder.Numbers("step", "step"));
            Assert.Equal(
                Enumerable.Range(1, (int)_step / RecordedRun.StepsPerEpoch)
                    .Select(epoch => (long)epoch),
                _folder.Numbers("epoch", "epoch"));
            Assert.Equal(_origins.Order(), _folder.TimesOrigins().Order());
            Assert.Single(_folder.LinesOf("done"));
            _folder.ShowsItsMetrics();
            _folder.HoldsEachPointOnce();
        }

        private void Report(int worker)
        {
            if (_reported[worker] == _step)
                return;
            // Ranks change hands from one generation to the next.
            var origin = new ReportOrigin(
                (ulong)worker + 1, ++_sequences[worker], _random.Next(Workers));
            var report = new StepReport(
                origin,
                [.. Enumerable.Range(
                        (int)_reported[worker] + 1, (int)(_step - _reported[worker]))
                    .Select(step => RecordedRun.Step(step, worker + 1))]);
            _reported[worker] = _step;
            _origins.Add(($"{origin.Incarnation:x16}", origin.Sequence));
            _unconfirmed[worker].Add(report);
            Record(report);
        }

        private void Record(StepReport report)
        {
            ReportOrigin origin = report.Origin;
            if (origin.Sequence > _recordedSequences.GetValueOrDefault(origin.Incarnation))
            {
                _files.Times(origin, RecordedRun.Of(report.Steps));
                _recordedSequences[origin.Incarnation] = origin.Sequence;
            }

            _files.Steps([.. report.Steps.Where(step => step.Step > _recordedStep)]);
            _recordedStep = Math.Max(_recordedStep, report.Steps[^1].Step);
        }

        private bool Epoch()
        {
            long end = (_recordedEpoch + 1) * RecordedRun.StepsPerEpoch;
            if (_recordedStep < end)
                return false;
            _files.Epoch(RecordedRun.Epoch(++_recordedEpoch, end));
            return true;
        }

        private void Commit()
        {
            _files.Commit();
            foreach (List<StepReport> reports in _unconfirmed)
                reports.Clear();
            _durable = (
                _recordedStep, _recordedEpoch, new FileInfo(_folder.MetricsPath).Length);
        }

        /// <summary>
        /// Of the metrics any part after the last commit is lost, of the event file any part, and
        /// all that came from lines that are lost.
        /// </summary>
        private void Crash()
        {
            _files.Dispose();
            long length = _random.NextInt64(
                _durable.Length, new FileInfo(_folder.MetricsPath).Length + 1);
            long events = _lengths.LastOrDefault(lengths => lengths.Metrics <= length).Events;
            Cut(_folder.MetricsPath, length);
            Cut(_folder.EventPaths[^1], _random.NextInt64(events + 1));
            _files = Open();
            Assert.InRange(_recordedStep, _durable.Step, _step);
            Assert.InRange(_recordedEpoch, _durable.Epoch, int.MaxValue);
            StepReport[][] resent = [.. _unconfirmed.Select(reports => reports.ToArray())];
            _random.Shuffle(resent);
            foreach (StepReport report in resent.SelectMany(reports => reports))
                Record(report);
        }

        private RunFiles Open()
        {
            RunFiles files = RunFiles.Open(RecordedRun.Describe(_folder.Path), _clock);
            RecordingBegun begun = files.Begun;
            _recordedStep = begun.LastStep;
            _recordedEpoch = begun.Epochs.Count;
            _recordedSequences = new Dictionary<ulong, long>(begun.LastSequences);
            _durable = (
                _recordedStep, _recordedEpoch, new FileInfo(_folder.MetricsPath).Length);
            _lengths.Clear();
            _lengths.Add((_durable.Length, new FileInfo(_folder.EventPaths[^1]).Length));
            files.Numerics("");
            return files;
        }

        private static void Cut(string path, long length)
        {
            using var file = new FileStream(path, FileMode.Open);
            file.SetLength(length);
        }
    }

    /// <summary>A clock that goes on by so much at each turn that files are flushed.</summary>
    private sealed class SteppingClock : TimeProvider
    {
        private long _seconds;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => _seconds;

        public void Step() => _seconds += 5;
    }
}
