using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Distributed.Tidy.Tests;

/// <summary>
/// What actors must not touch, with what to use instead. It goes by syntax alone, so a name counts
/// where it can only be a type: not behind a dot, unless a namespace stands before it.
/// </summary>
internal static class BannedCallRules
{
    private const string Clock = "context.NowNs (or context.UtcNow, for showing)";
    private const string Chance = "context.Random or CounterRandom";
    private const string Port = "a port that answers with a message";
    private const string OneThread = "plain code: the kernel runs it on one thread";
    private const string Order = "a List or SortedDictionary, ordered by an id or a counter";

    private static readonly string[] Projects =
        ["Distributed.Kernel", "Distributed.Cluster", "Distributed.Simulation"];

    private static readonly Dictionary<string, string> Types = Table(
        (Clock, "Stopwatch TimeProvider"),
        ("context.StartTimer", "Timer PeriodicTimer"),
        (Port, "Task ValueTask TaskCompletionSource TaskFactory Parallel Thread ThreadPool "
            + "CancellationTokenSource Channel SynchronizationContext"),
        (OneThread, "Monitor Mutex Semaphore SemaphoreSlim Lock SpinLock SpinWait Interlocked "
            + "Volatile Barrier CountdownEvent ManualResetEvent ManualResetEventSlim "
            + "AutoResetEvent ReaderWriterLock ReaderWriterLockSlim ThreadLocal AsyncLocal"),
        (Port, "File Directory FileStream FileInfo DirectoryInfo StreamReader StreamWriter "
            + "Socket TcpClient TcpListener UdpClient HttpClient Dns Process"),
        ("context.Log", "Console"),
        (Chance, "RandomNumberGenerator"),
        (Order, "HashCode"));

    private static readonly Dictionary<string, string> Members = Table(
        (Clock, "DateTime.Now DateTime.UtcNow DateTime.Today DateTimeOffset.Now "
            + "DateTimeOffset.UtcNow Environment.TickCount Environment.TickCount64"),
        (Chance, "Guid.NewGuid Guid.CreateVersion7 Random.Shared"),
        ("a message or Invariant.Check", "Environment.Exit Environment.FailFast"),
        ("settings that come in a message", "Environment.GetEnvironmentVariable"),
        ("context.Self", "Environment.CurrentManagedThreadId"));

    private static readonly string[] NamespacesBanned =
        ["System.Threading", "System.IO", "System.Net", "System.Diagnostics"];

    public static IEnumerable<string> Check(IEnumerable<SourceFile> files) =>
        from file in files
        where file.IsCSharp && Projects.Any(project => file.IsUnder("src/" + project))
        from node in file.Syntax.DescendantNodes()
        let found = Find(node)
        where found is not null
        select $"{file.At(node)}: {found.Value.What} is banned in {file.Project}; "
            + $"use {found.Value.Instead}";

    private static (string What, string Instead)? Find(SyntaxNode node) => node switch
    {
        LockStatementSyntax => ("lock", OneThread),
        AwaitExpressionSyntax => ("await", Port),
        MethodDeclarationSyntax method when IsAsync(method.Modifiers) => ("async", Port),
        LocalFunctionStatementSyntax function when IsAsync(function.Modifiers) => ("async", Port),
        AnonymousFunctionExpressionSyntax function when IsAsync(function.Modifiers) =>
            ("async", Port),
        ObjectCreationExpressionSyntax { Type: IdentifierNameSyntax { Identifier.Text: "Random" } }
            => ("Random", Chance),
        MemberAccessExpressionSyntax access => FindMember(access),
        SimpleNameSyntax name when MayBeType(name) => FindType(name.Identifier.Text),
        _ => null,
    };

    private static bool IsAsync(SyntaxTokenList modifiers) =>
        modifiers.Any(SyntaxKind.AsyncKeyword);

    private static (string What, string Instead)? FindMember(MemberAccessExpressionSyntax access)
    {
        var member = access.Name.Identifier.Text;
        var receiver = access.Expression.ToString();
        var fullName = $"{receiver.Split('.')[^1]}.{member}";
        if (Members.TryGetValue(fullName, out var instead))
        {
            return (fullName, instead);
        }
        if (member == "GetHashCode")
        {
            return ("GetHashCode", Order);
        }
        var isCalled = access.Parent is InvocationExpressionSyntax;
        if ((member is "Wait" or "WaitAsync" or "GetAwaiter" && isCalled)
            || (member == "Result" && LooksLikeTask(receiver)))
        {
            return ("." + member, Port);
        }
        return NamespacesBanned.Any(banned => IsWithin(receiver, banned))
            ? FindType(member)
            : null;
    }

    private static (string What, string Instead)? FindType(string name) =>
        name.StartsWith("Concurrent", StringComparison.Ordinal) ? (name, OneThread)
        : Types.TryGetValue(name, out var instead) ? (name, instead)
        : null;

    private static bool LooksLikeTask(string expression) =>
        expression.EndsWith("task", StringComparison.OrdinalIgnoreCase)
            || expression.Contains("Async(", StringComparison.Ordinal);

    private static bool MayBeType(SimpleNameSyntax name) => name.Parent switch
    {
        MemberAccessExpressionSyntax access => access.Expression == name,
        NameColonSyntax or NameEqualsSyntax or MemberBindingExpressionSyntax => false,
        AssignmentExpressionSyntax { Parent: InitializerExpressionSyntax } assignment =>
            assignment.Left != name,
        _ => true,
    };

    private static bool IsWithin(string name, string @namespace)
    {
        const string global = "global::";
        var plain = name.StartsWith(global, StringComparison.Ordinal)
            ? name[global.Length..]
            : name;
        return plain == @namespace
            || plain.StartsWith(@namespace + ".", StringComparison.Ordinal);
    }

    private static Dictionary<string, string> Table(
        params (string Instead, string Names)[] rows) =>
        rows.SelectMany(row => row.Names.Split(' ').Select(name => (name, row.Instead)))
            .ToDictionary();
}
