using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text;
using Distributed.Kernel;

namespace Distributed.Runtime.Tests.Protocol;

/// <summary>
/// Draws records with any content that their constructors take, and tells two of them apart by
/// their content: lists within records are compared by identity otherwise.
/// </summary>
internal static class Records
{
    private const int ListLengthMax = 4;

    private static readonly string[] Texts =
        ["", "worker w0", "größer als 漢字 🦊", "a\nb\t\"c\"", "\0", new('x', 300)];

    // Not -0: protobuf takes it for the 0 that it does not send.
    private static readonly double[] Doubles =
        [0, -1, 1e-300, double.NaN, double.PositiveInfinity, double.MinValue, 0.1];

    /// <summary>All types that a value of this type can be.</summary>
    public static Type[] Concrete(Type type) =>
    [
        .. type.Assembly.GetTypes()
            .Where(other => type.IsAssignableFrom(other) && !other.IsAbstract)
            .OrderBy(other => other.FullName, StringComparer.Ordinal),
    ];

    public static object Draw(Type type, Prng random)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(string))
            return Texts[random.NextBelow((ulong)Texts.Length)];
        if (type == typeof(bool))
            return random.NextChance(1, 2);
        if (type == typeof(double))
            return Doubles[random.NextBelow((ulong)Doubles.Length)];
        if (type == typeof(ulong))
            return random.NextUInt64();
        if (type == typeof(long))
            return (long)random.NextUInt64() >> (int)random.NextBelow(64);
        if (type == typeof(int))
            return (int)random.NextUInt64() >> (int)random.NextBelow(32);
        // The wire carries milliseconds.
        if (type == typeof(DateTimeOffset))
            return DateTimeOffset.FromUnixTimeMilliseconds((long)random.NextBelow(1UL << 42));
        if (type == typeof(TimeSpan))
            return TimeSpan.FromTicks((long)random.NextBelow(1UL << 50));
        if (type == typeof(ReadOnlyMemory<byte>))
        {
            var bytes = new byte[random.NextBelow(ListLengthMax)];
            new Random((int)random.NextBelow(1000)).NextBytes(bytes);
            return new ReadOnlyMemory<byte>(bytes);
        }

        if (type.IsEnum)
            return Enum.GetValues(type).GetValue((long)random.NextBelow(
                (ulong)Enum.GetValues(type).Length))!;
        return type.IsGenericType ? DrawList(type, random) : DrawRecord(type, random);
    }

    /// <summary>The content as text, each value beside its name.</summary>
    public static string Describe(object? value)
    {
        switch (value)
        {
            case null:
                return "null";
            case string text:
                return $"'{text}'";
            case double number:
                return number.ToString("R", CultureInfo.InvariantCulture);
            case DateTimeOffset time:
                return time.ToString("O", CultureInfo.InvariantCulture);
            case TimeSpan span:
                return span.ToString("c", CultureInfo.InvariantCulture);
            case ReadOnlyMemory<byte> bytes:
                return Convert.ToHexString(bytes.Span);
            case IEnumerable items:
                return $"[{string.Join(", ", items.Cast<object?>().Select(Describe))}]";
        }

        Type type = value.GetType();
        if (type.IsPrimitive || type.IsEnum)
            return Convert.ToString(value, CultureInfo.InvariantCulture)!;
        var description = new StringBuilder(type.Name).Append('(');
        foreach (ParameterInfo parameter in Constructor(type).GetParameters())
        {
            object? content = type.GetProperty(parameter.Name!)!.GetValue(value);
            description.Append(parameter.Name).Append('=').Append(Describe(content)).Append(' ');
        }

        return description.Append(')').ToString();
    }

    private static Array DrawList(Type type, Prng random)
    {
        Type item = type.GetGenericArguments()[0];
        var list = Array.CreateInstance(item, (int)random.NextBelow(ListLengthMax));
        for (int index = 0; index < list.Length; index++)
            list.SetValue(Draw(item, random), index);
        return list;
    }

    private static object DrawRecord(Type type, Prng random)
    {
        if (type.IsAbstract)
        {
            Type[] types = Concrete(type);
            type = types[random.NextBelow((ulong)types.Length)];
        }

        ConstructorInfo constructor = Constructor(type);
        var context = new NullabilityInfoContext();
        return constructor.Invoke(
        [
            .. constructor.GetParameters().Select(parameter =>
                context.Create(parameter).WriteState == NullabilityState.Nullable
                && random.NextChance(1, 2)
                    ? null
                    : Draw(parameter.ParameterType, random)),
        ]);
    }

    private static ConstructorInfo Constructor(Type type) => type.GetConstructors()
        .MaxBy(constructor => constructor.GetParameters().Length)!;
}
