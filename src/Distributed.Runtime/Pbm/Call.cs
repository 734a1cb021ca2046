using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Distributed.Kernel;
using Distributed.Runtime.Protocol;

namespace Distributed.Runtime.Pbm;

/// <summary>One use of a command: what it was given, and where its answer goes.</summary>
/// <param name="node">What is inspected.</param>
/// <param name="values">By the parameter's name, without those that were not given.</param>
/// <param name="isJson">The answer is for programs.</param>
/// <param name="width">Columns that a line may take; 0 for any number.</param>
/// <param name="send">Takes the items of the answer in their order.</param>
internal sealed class Call(
    InspectedNode node, IReadOnlyDictionary<string, string> values, bool isJson, int width,
    Func<PbmItem, Task> send, CancellationToken cancellation)
{
    // Names and paths stay readable; nothing here ends up inside HTML, and what a terminal must not
    // see is escaped where lines reach one.
    private static readonly JsonSerializerOptions JsonOptions = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public InspectedNode Node => node;

    public CancellationToken Cancellation => cancellation;

    /// <summary>Null where it was not given.</summary>
    public string? Value(string name) => values.GetValueOrDefault(name);

    public bool Has(string name) => Value(name) == "true";

    /// <exception cref="OperatingException">It is no number in these bounds.</exception>
    public int Integer(string name, int otherwise, int least, int most)
    {
        if (Value(name) is not { } text)
            return otherwise;
        return int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture,
                out int number) && number >= least && number <= most
            ? number
            : throw new OperatingException(
                $"{name} is \"{text}\": expected a whole number from {least} to {most}",
                ExitCodes.BadUsage);
    }

    /// <summary>A line for people; programs get the object, or nothing where there is
    /// none.</summary>
    public Task SayAsync(
        string text, JsonObject? json = null, PbmStyle style = PbmStyle.Plain)
    {
        if (!isJson)
            return LineAsync(text, style);
        return json is null ? Task.CompletedTask : ObjectAsync(json);
    }

    /// <summary>One thing: a line each for what there is to say about it, or one object.</summary>
    public async Task SheetAsync(IReadOnlyList<Field> fields)
    {
        if (isJson)
        {
            await ObjectAsync(Field.Json(fields));
            return;
        }

        int widest = fields.Max(field => field.Title.Length);
        foreach (Field field in fields)
        {
            if (field.Text.Length > 0)
                await LineAsync($"{field.Title.PadRight(widest)}  {field.Text}");
        }
    }

    /// <summary>Several things, a line or an object each.</summary>
    /// <param name="empty">Said to people where there is none.</param>
    public async Task TableAsync(IReadOnlyList<IReadOnlyList<Field>> rows, string empty)
    {
        if (isJson)
        {
            foreach (IReadOnlyList<Field> row in rows)
                await ObjectAsync(Field.Json(row));
            return;
        }

        if (rows.Count == 0)
        {
            await LineAsync(empty);
            return;
        }

        (IReadOnlyList<string> lines, IReadOnlyList<string> leftOut) =
            TableText.Lines(rows, width);
        await LineAsync(lines[0], PbmStyle.Header);
        foreach (string line in lines.Skip(1))
            await LineAsync(line);
        if (leftOut.Count > 0)
            await LineAsync($"(a wider terminal shows {string.Join(", ", leftOut)} too)");
    }

    /// <summary>What came of an order.</summary>
    public Task ToldAsync(string message) =>
        SayAsync(message, new JsonObject { ["taken"] = true, ["message"] = message });

    private Task ObjectAsync(JsonObject json) =>
        send(new PbmItem { Json = json.ToJsonString(JsonOptions) });

    private Task LineAsync(string text, PbmStyle style = PbmStyle.Plain) =>
        send(new PbmItem
        {
            Line = new PbmLine
            {
                Text = Shown.Line(text),
                Style = PbmDescriptions.ToProto(style),
            },
        });
}
