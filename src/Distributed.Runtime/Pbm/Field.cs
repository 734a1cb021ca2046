using System.Globalization;
using System.Text.Json.Nodes;

namespace Distributed.Runtime.Pbm;

/// <summary>One thing about something: for people under a title, for programs by a name.</summary>
/// <param name="Title">Such as <c>LAST STEP</c>.</param>
/// <param name="Name">Such as <c>last_step</c>.</param>
/// <param name="Value">For programs, with all its digits.</param>
/// <param name="Text">For people.</param>
internal sealed record Field(string Title, string Name, JsonNode? Value, string Text)
{
    public bool IsNumber { get; private init; }

    /// <summary>Where a line is too long, this is what is cut.</summary>
    public bool MayBeCut { get; init; }

    /// <summary>Where a line is still too long, this column is left out.</summary>
    public bool IsExtra { get; init; }

    public static Field Of(string title, string name, string text) => new(title, name, text, text);

    public static Field Of(string title, string name, string? value, string text) =>
        new(title, name, value, text);

    public static Field Of(string title, string name, bool value) =>
        new(title, name, value, value ? "yes" : "no");

    public static Field Of(string title, string name, long value) =>
        new(title, name, value, value.ToString(CultureInfo.InvariantCulture)) { IsNumber = true };

    /// <param name="text">Where it is not just the number.</param>
    public static Field Count(string title, string name, long? value, string text) =>
        new(title, name, value, text) { IsNumber = true };

    /// <summary>What is not finite is <c>-</c>, and null for programs.</summary>
    public static Field Of(string title, string name, double value, string format) =>
        new(
            title, name, double.IsFinite(value) ? JsonValue.Create(value) : null,
            double.IsFinite(value) ? value.ToString(format, CultureInfo.InvariantCulture) : "-")
        {
            IsNumber = true,
        };

    public static Field Of(string title, string name, DateTimeOffset utc) =>
        Of(title, name, Figures.Time(utc), Figures.Clock(utc));

    public static Field Of(string title, string name, IEnumerable<string> values)
    {
        string[] all = [.. values];
        return new Field(
            title, name, new JsonArray([.. all.Select(value => JsonValue.Create(value))]),
            string.Join(", ", all));
    }

    public static JsonObject Json(IEnumerable<Field> fields)
    {
        var json = new JsonObject();
        foreach (Field field in fields)
            json[field.Name] = field.Value?.DeepClone();
        return json;
    }
}
