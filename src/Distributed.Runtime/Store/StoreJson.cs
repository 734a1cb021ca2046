using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Runtime.Store;

/// <summary>
/// Records as the store keeps them. Every member must be there when it is read; members that are
/// not known are passed over. Unsigned 64-bit numbers are 16 hexadecimal digits, which survive
/// tools that take every JSON number for a double; NaN and the infinities are strings.
/// </summary>
internal static class StoreJson
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        IgnoreReadOnlyProperties = true,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        Converters =
        {
            new HexNumberConverter(),
            new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false),
        },
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { NameKinds } },
    };

    public static string Write<T>(T record) => JsonSerializer.Serialize(record, Options);

    /// <exception cref="JsonException">The text does not hold such a record.</exception>
    public static T Read<T>(string text)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(text, Options)
                ?? throw new JsonException($"expected a {typeof(T).Name}, found null");
        }
        catch (NotSupportedException unnamed)
        {
            // What System.Text.Json throws where the text does not say which event it is.
            throw new JsonException(unnamed.Message, unnamed);
        }
    }

    /// <summary>16 lower-case digits.</summary>
    public static string Hex(ulong number) => number.ToString("x16", CultureInfo.InvariantCulture);

    /// <exception cref="JsonException">The text is not such a number.</exception>
    public static ulong FromHex(string? text) =>
        text?.Length == 16 && ulong.TryParse(
            text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong number)
            ? number
            : throw new JsonException($"expected 16 hexadecimal digits, found '{text}'");

    /// <summary>
    /// The kinds that a record of a family can be; others are refused. The names are in stores:
    /// they never change.
    /// </summary>
    private static readonly Dictionary<Type, JsonDerivedType[]> Kinds = new()
    {
        [typeof(RunEvent)] =
        [
            new(typeof(RunCompleted), "completed"),
            new(typeof(RunInterrupted), "interrupted"),
            new(typeof(RunFailed), "failed"),
        ],
        [typeof(SweepDecision)] =
        [
            new(typeof(SweepSubmitted), "submitted"),
            new(typeof(TrialSuggested), "suggested"),
            new(typeof(TrialSized), "sized"),
            new(typeof(LegStarted), "legStarted"),
            new(typeof(LegEnded), "legEnded"),
            new(typeof(TrialContinued), "continued"),
            new(typeof(TrialEnded), "ended"),
            new(typeof(TrialRetried), "retried"),
            new(typeof(SweepPaused), "paused"),
            new(typeof(SweepResumed), "resumed"),
            new(typeof(SweepStopped), "stopped"),
            new(typeof(TrialsAdded), "trialsAdded"),
            new(typeof(WorkerBenched), "workerBenched"),
            new(typeof(SweepEnded), "sweepEnded"),
        ],
        [typeof(Dimension)] =
        [
            new(typeof(ChoiceDimension), "choice"),
            new(typeof(IntegerDimension), "integer"),
            new(typeof(RealDimension), "real"),
        ],
        [typeof(SamplerSpec)] =
        [
            new(typeof(GridSpec), "grid"),
            new(typeof(RandomSpec), "random"),
            new(typeof(SobolSpec), "sobol"),
            new(typeof(TpeSpec), "tpe"),
            new(typeof(CmaEsSpec), "cmaEs"),
        ],
        [typeof(SchedulerSpec)] =
        [
            new(typeof(NoSchedulerSpec), "none"),
            new(typeof(MedianSpec), "median"),
            new(typeof(AshaSpec), "asha"),
            new(typeof(PbtSpec), "pbt"),
        ],
    };

    private static void NameKinds(JsonTypeInfo type)
    {
        if (!Kinds.TryGetValue(type.Type, out JsonDerivedType[]? kinds))
            return;
        type.PolymorphismOptions = new JsonPolymorphismOptions
        {
            TypeDiscriminatorPropertyName = "kind",
            UnknownDerivedTypeHandling = JsonUnknownDerivedTypeHandling.FailSerialization,
        };
        foreach (JsonDerivedType kind in kinds)
            type.PolymorphismOptions.DerivedTypes.Add(kind);
    }

    private sealed class HexNumberConverter : JsonConverter<ulong>
    {
        public override ulong Read(
            ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            FromHex(reader.TokenType == JsonTokenType.String ? reader.GetString() : null);

        public override void Write(
            Utf8JsonWriter writer, ulong value, JsonSerializerOptions options) =>
            writer.WriteStringValue(Hex(value));
    }
}
