using System.Reflection;
using System.Reflection.Emit;
using Zephyr.Cli;
using Zephyr.Configuration;

namespace Zephyr.Tests.Rules;

/// <summary>A key that nothing reads is a promise that nothing keeps.</summary>
public class KeyRulesTests
{
    /// <summary>
    /// The compiled code is asked, not the sources: there a property of another type may have the same name. Checking, printing and comparing
    /// values, which the configuration does itself, is no use of them.
    /// </summary>
    [Fact]
    public void Every_key_is_read_outside_the_configuration()
    {
        var read = new[] { typeof(ConfigSchema).Assembly, typeof(Program).Assembly }
            .SelectMany(assembly => assembly.GetTypes())
            .Where(type => !(type.Namespace ?? "").StartsWith("Zephyr.Configuration", StringComparison.Ordinal))
            .SelectMany(type => type.GetMembers(Everything).OfType<MethodBase>())
            .SelectMany(CallsOf)
            .ToHashSet();
        var keys = new[] { typeof(SftConfig), typeof(AifConfig), typeof(DpoConfig), typeof(CleanConfig) }
            .SelectMany(config => config.GetProperties()).Select(property => property.PropertyType).Distinct()
            .SelectMany(group => group.GetProperties())
            .Where(property => property.IsDefined(typeof(ConfigKeyAttribute), inherit: false))
            .ToList();
        Assert.True(keys.Count > 50, "the keys were not found");
        Assert.Empty(keys.Where(key => !read.Contains((key.DeclaringType!, key.GetMethod!.Name))).Select(key => $"{key.DeclaringType!.Name}.{key.Name}").Order());
    }

    private const BindingFlags Everything = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    /// <summary>The methods that a method calls. Bytes that only look like a call name a method that is not there, or at the worst one too many.</summary>
    private static IEnumerable<(Type Type, string Name)> CallsOf(MethodBase method)
    {
        if (method.GetMethodBody()?.GetILAsByteArray() is not { } code) yield break;
        for (var i = 0; i + 4 < code.Length; i++)
        {
            if (code[i] != OpCodes.Call.Value && code[i] != OpCodes.Callvirt.Value) continue;
            if (Resolve(method.Module, BitConverter.ToInt32(code, i + 1)) is { DeclaringType: { } type } called) yield return (type, called.Name);
        }
    }

    private static MethodBase? Resolve(Module module, int token)
    {
        // A method's definition or a reference to one; those of generic types are none of the keys'.
        if (token >> 24 is not (0x06 or 0x0A)) return null;
        try
        {
            return module.ResolveMethod(token);
        }
        catch (Exception error) when (error is ArgumentException or BadImageFormatException or MissingMethodException or FileNotFoundException or TypeLoadException)
        {
            return null;
        }
    }
}
