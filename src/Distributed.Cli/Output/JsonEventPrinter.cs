using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Distributed.Cli.Nodes;
using Distributed.Cluster.Jobs;
using Distributed.Kernel;

namespace Distributed.Cli.Output;

/// <summary>
/// One JSON object a line, for programs: names and their order are a published format.
/// </summary>
internal sealed class JsonEventPrinter(Terminal terminal) : RunEventPrinter(terminal)
{
    private static readonly JsonWriterOptions Options = new()
    {
        // Paths and reasons stay readable; nothing here ends up inside HTML.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly ArrayBufferWriter<byte> line = new();

    protected override void Show(RunEvent happened)
    {
        line.ResetWrittenCount();
        using (var json = new Utf8JsonWriter(line, Options))
        {
            json.WriteStartObject();
            Write(json, happened);
            json.WriteEndObject();
        }
        Terminal.Output.WriteLine(Encoding.UTF8.GetString(line.WrittenSpan));
    }

    protected override void ShowPlaces(ListeningNode coordinator) =>
        Terminal.Output.WriteLine(coordinator.ToJson());

    private static void Write(Utf8JsonWriter json, RunEvent happened)
    {
        switch (happened)
        {
            case WorkerUp worker:
                json.WriteString("event", "worker");
                json.WriteString("worker", worker.Worker);
                json.WriteNumber("pid", worker.ProcessId);
                json.WriteString("address", worker.Address);
                json.WriteNumber("rank", worker.Rank);
                json.WriteString("device", worker.Device);
                break;
            case GenerationStarted generation:
                WriteGeneration(json, generation);
                break;
            case GenerationRunning running:
                WriteRecovered(json, running);
                break;
            case StepCommitted step:
                json.WriteString("event", "step");
                json.WriteNumber("step", step.Step);
                json.WriteNumber("epoch", step.Epoch);
                WriteReal(json, "loss", step.Loss);
                WriteReal(json, "images_per_second", Math.Round(step.ImagesPerSecond, 1));
                break;
            case EpochCompleted epoch:
                json.WriteString("event", "epoch");
                json.WriteNumber("epoch", epoch.Epoch);
                WriteReal(json, "train_loss", epoch.TrainLoss);
                WriteReal(json, "test_loss", epoch.TestLoss);
                WriteReal(json, "test_accuracy", epoch.TestAccuracy);
                WriteReal(json, "seconds", Math.Round(epoch.Seconds, 3));
                break;
            case CheckpointSaved checkpoint:
                json.WriteString("event", "checkpoint");
                json.WriteNumber("step", checkpoint.Step);
                json.WriteString("path", checkpoint.Path);
                break;
            case RunCompleted run:
                WriteCompleted(json, run);
                break;
            default:
                throw new InvariantException($"no JSON form for {happened.GetType().Name}");
        }
    }

    private static void WriteGeneration(Utf8JsonWriter json, GenerationStarted generation)
    {
        json.WriteString("event", "generation");
        json.WriteNumber("generation", generation.Generation);
        json.WriteNumber("step", generation.Step);
        json.WriteStartArray("workers");
        foreach (string worker in generation.Workers)
            json.WriteStringValue(worker);
        json.WriteEndArray();
        json.WriteString("reason", generation.Reason);
    }

    private static void WriteRecovered(Utf8JsonWriter json, GenerationRunning running)
    {
        json.WriteString("event", "recovered");
        json.WriteNumber("generation", running.Generation);
        json.WriteNumber("step", running.Step);
        json.WriteString("noticed", running.Noticed.UtcDateTime.ToString(
            "yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
        WriteReal(json, "regroup_ms", Math.Round(running.RegroupMs, 1));
        WriteReal(json, "restore_ms", Math.Round(running.RestoreMs, 1));
        WriteReal(json, "step_ms", Math.Round(running.StepMs, 1));
    }

    private static void WriteCompleted(Utf8JsonWriter json, RunCompleted run)
    {
        json.WriteString("event", "done");
        json.WriteNumber("steps", run.Steps);
        json.WriteNumber("samples", run.Samples);
        WriteReal(json, "test_accuracy", run.TestAccuracy);
        WriteReal(json, "test_loss", run.TestLoss);
        json.WriteString("parameters_sha256", run.ParametersSha256);
        WriteReal(json, "images_per_second", Math.Round(run.ImagesPerSecond, 1));
        json.WriteNumber("generations", run.Generations);
        json.WriteNumber("steps_redone", run.StepsRedone);
        json.WriteNumber("steps_lost", run.StepsLost);
        WriteReal(json, "seconds", Math.Round(run.Seconds, 3));
        json.WriteString("run", run.RunFolder);
    }

    // JSON has no NaN. A real keeps its decimal point even when whole, so that readers that tell
    // integers from reals see one type all along.
    private static void WriteReal(Utf8JsonWriter json, string name, double value)
    {
        if (!double.IsFinite(value))
        {
            json.WriteNull(name);
            return;
        }
        string text = value.ToString("R", CultureInfo.InvariantCulture);
        json.WritePropertyName(name);
        json.WriteRawValue(text.AsSpan().IndexOfAny('.', 'E') < 0 ? text + ".0" : text);
    }
}
